"""Child processes: started without the loop waiting for it, stopped as a group, their end as a future.

    start(argv, variables, folder, stdin, output) -> Child(ended)

On Linux small processes of their own do it (spawned.py); elsewhere this one does, with a thread for each
child to learn of its end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from callboard.hooks.pipes import Spare

Variables = Mapping[bytes, bytes]


class Child:
    """A process that was asked for: `ended` has its exit code, or why it never began."""

    def __init__(self, children: Children, number: int) -> None:
        self.ended: asyncio.Future[int | OSError] = asyncio.get_running_loop().create_future()
        self.pid = 0
        """0 until it is known to run."""
        self.number = number
        self._children = children

    def signal(self, which: signal.Signals) -> None:
        """Signal the whole group, if the process has not ended."""
        if not self.ended.done():
            self._children.signal(self, which)

    def end(self, how: int | OSError) -> None:
        """It has ended, or never begun."""
        if not self.ended.done():
            self.ended.set_result(how)


class Children(ABC):
    """Starts processes; `close` once all have ended. `spare` has pipes for the next one."""

    def __init__(self) -> None:
        self.spare = Spare()

    @abstractmethod
    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Ask for a process in a session of its own; takes both descriptors over, never waits.

        `variables` come on top of those that the children were made with.
        """

    @abstractmethod
    def signal(self, child: Child, which: signal.Signals) -> None:
        """Signal a child's group."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of everything."""


class Direct(Children):
    """Children of this process."""

    def __init__(self, variables: Variables) -> None:
        super().__init__()
        self._variables = variables
        self._processes: dict[Child, subprocess.Popen[bytes]] = {}

    def start(
        self, argv: Sequence[bytes], variables: Variables, folder: Path | None, stdin: int, output: int
    ) -> Child:
        """Start it here."""
        child = Child(self, 0)
        try:
            process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self._variables, **variables},
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            child.end(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            child.pid = process.pid
            self._processes[child] = process
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._wait, args=(loop, child, process), name="hook", daemon=True).start()
        finally:
            os.close(stdin)
            os.close(output)
        return child

    def _wait(self, loop: asyncio.AbstractEventLoop, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Wait in a thread of its own: a pool's few would be taken up by hung processes."""
        exit_ = process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(self._ended, child, exit_)

    def _ended(self, child: Child, exit_: int) -> None:
        self._processes.pop(child, None)
        child.end(exit_)

    def signal(self, child: Child, which: signal.Signals) -> None:
        """Signal the group."""
        kill(child.pid, which)

    async def close(self) -> None:
        """Kill what still runs."""
        self.spare.close()
        for process in self._processes.values():
            kill(process.pid, signal.SIGKILL)


def kill(pid: int, which: signal.Signals) -> None:
    """Signal a process group, if it is there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, which)
