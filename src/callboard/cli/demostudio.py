"""What a studio would run beside its hub, small: the demo starts it as a program of its own.

    sample.csv --import--> the tracker        bowl.stl --callboard.studio.publish--> a version of a task
    Print it, Leave a note: actions in the menu        a film that is made --publish--> a version of the task

Actions and listeners need nothing but a client: docs/actions.md, docs/studio-and-workshop.md.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Literal

from callboard import connect
from callboard.client.client import Client
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.studio import Failed, Form, Launch, Textarea, action, listen

LIST: Final = Path(__file__).with_name("sample.csv")
READY: Final = "ready"
"""What is printed once all is there: whoever started this waits for it."""
_TASK: Final = "select id from Task where name is print and parent.name is bowl"


class Remark(Form, title="Leave a note", submit="Leave it"):
    """What the note says, and what becomes of the task."""

    note: Textarea
    status: Literal["In progress", "Pending review", "Approved", "On hold"] = "Pending review"


class Studio:
    """The program's two actions, and what it listens to."""

    def __init__(self, board: Client) -> None:
        self._board = board

    async def ask(self, topic: str, **data: Any) -> dict[str, Any]:
        """Ask a room of the hub and return its reply; raises Failed with its reason for a no."""
        async for reply in self._board.request(f"callboard.{topic}", data, deadline=60, limit=1):
            found: dict[str, Any] = reply.data
            if not found["success"]:
                raise Failed(found["message"])
            return found
        raise Failed(f"Nobody answers callboard.{topic}.")

    async def print_it(self, launch: Launch[Any]) -> str:
        """Slice a task's newest model and print it."""
        task = launch.selection[0].id
        model = await self.ask("studio.fetch", task=task)
        # Nothing lies on the bed of a printer that is only simulated.
        wish = {"profile": "demo", "print": "demo", "if_clear": False}
        await self.ask("slicing.slice", file=model["path"], **wish)
        await self.ask("studio.note", task=task, note="It is sliced, then printed.", status="In progress")
        return f"{model['asset']} v{model['number']:03} is sliced, then printed on demo."

    async def leave_a_note(self, launch: Launch[Remark]) -> str:
        """Give a task a note and a status."""
        task, said = launch.selection[0].id, launch.values
        return str((await self.ask("studio.note", task=task, note=said.note, status=said.status))["message"])

    async def take_film(self, event: Event) -> None:
        """Make the film of a task's print a version of it."""
        task, film = event.source["job"]["path"].split("/")[1], event.data["movie_basename"]
        note = "Printed; the film is in this version."
        await self.ask("studio.publish", task=task, film=film, note=note, status="Pending review")

    async def publish_model(self) -> None:
        """Make the sample model a first version of the task that is to be printed."""
        (found,) = await self._board.http.ask("POST", "/api", [{"action": "query", "expression": _TASK}])
        task = found["data"][0]["id"]
        await self.ask("studio.publish", task=task, file="bowl.stl", comment="From the sculptor")


async def serve() -> None:
    """Fill the tracker, offer the actions, and stay."""
    subprocess.run(  # noqa: ASYNC221 - nothing else is done meanwhile
        [sys.executable, "-m", "callboard", "tracker", "import", str(LIST)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    async with connect() as board:
        studio = Studio(board)
        await studio.publish_model()
        printing = action(
            label="Print it",
            description="Slice the newest model, print it",
            discover="task",
            identifier="demo.print",
        )
        noting = action(label="Leave a note", discover="task", form=Remark, identifier="demo.note")
        listen(board, printing(studio.print_it), noting(studio.leave_a_note))
        board.subscribe('topic=octoprint.MovieDone and source.job.path="studio/*"', studio.take_film)
        print(READY, flush=True)  # noqa: T201 - to whoever started us
        await board.wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except (CallboardError, KeyboardInterrupt) as error:
        sys.exit(str(error))
