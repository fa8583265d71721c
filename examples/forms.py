"""An action that asks first: a form is a typed class, what is filled in comes back as an instance.

`callboard actions launch Render --entity task:eb16970c` asks field by field in the terminal. Here
the same program fills the form in.
"""

from typing import Literal

from callboard import connect
from callboard.studio import Form, Textarea, action, listen

SELECTION = [{"entityId": "eb16970c", "entityType": "task"}]


class Render(Form, title="Which frames?", submit="Send to the farm"):
    """What the farm needs to know."""

    frames: str = "1001-1096"
    pool: Literal["gpu", "cpu"] = "gpu"
    priority: int = 50
    notes: Textarea = ""


@action(label="Render", discover="task", form=Render)
def render(launch):
    wish = launch.values
    return f"{wish.frames} on {wish.pool}, priority {wish.priority}."


with connect() as board:
    listen(board, render)

    def launch(**values):
        data = {**render.item, "selection": SELECTION, "values": values}
        (reply,) = board.request("ftrack.action.launch", data, deadline=2)
        return reply.data

    form = launch()
    print(form["title"], [field["name"] for field in form["items"]])

    again = launch(frames="1001-1010", pool="cpu", priority="high")
    print(again["items"][0]["value"])

    print(launch(frames="1001-1010", pool="cpu", priority=80)["message"])
