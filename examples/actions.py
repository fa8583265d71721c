"""Actions in a menu: one decorated function each, offered for what is selected, and launched.

A menu asks the hub: `callboard actions list --entity task:eb16970c`, or POST /v1/actions/discover. Here the
same program asks, with the events that stand behind it.
"""

from callboard import connect
from callboard.studio import Failed, action, listen

SELECTION = [{"entityId": "eb16970c", "entityType": "task"}]
RENDERING = {"eb16970c"}


@action(label="Publish turntable", discover="task")
def turntable(launch):
    return f"The turntable of {launch.selection[0].id} is on its way."


@action(label="Archive", variant="Tape", discover=lambda asked: len(asked.selection) > 0)
def archive(launch):
    if launch.selection[0].id in RENDERING:
        raise Failed(f"{launch.selection[0].id} is rendering: try again later.")


@action(label="Approve", discover="assetversion")
def approve(launch):
    return f"{launch.selection[0].id} is approved."


with connect() as board:
    listen(board, turntable, archive, approve)

    menu = [
        item
        for reply in board.request("ftrack.action.discover", {"selection": SELECTION}, deadline=2)
        for item in reply.data["items"]
    ]
    print("menu:", sorted(item["label"] for item in menu))

    for item in sorted(menu, key=lambda item: item["label"], reverse=True):
        for reply in board.request("ftrack.action.launch", {**item, "selection": SELECTION}, deadline=2):
            print(reply.data["success"], reply.data["message"])
