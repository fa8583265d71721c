"""Actions in a menu: listeners offer them for a selection, and one of them is launched.

The topics and their payloads are the studio's own: `callboard events ftrack.action.discover`.
"""

from callboard import connect

SELECTION = [{"entityId": "eb16970c", "entityType": "task"}]


def discover(event):
    """Offer an action; returning None means: nothing for this selection."""
    if len(event.data["selection"]) != 1:
        return None
    return {"items": [{"label": "Publish turntable", "actionIdentifier": "example.turntable"}]}


def launch(event):
    """Do it, and say so."""
    shot = event.data["selection"][0]["entityId"]
    return {"success": True, "message": f"The turntable of {shot} is on its way."}


with connect() as board:
    board.subscribe("topic=ftrack.action.discover", discover)
    board.subscribe("topic=ftrack.action.launch and data.actionIdentifier=example.turntable", launch)

    menu = [
        item
        for reply in board.request("ftrack.action.discover", {"selection": SELECTION}, deadline=2)
        for item in reply.data["items"]
    ]
    print("menu:", [item["label"] for item in menu])

    chosen = {**menu[0], "selection": SELECTION}
    for reply in board.request("ftrack.action.launch", chosen, deadline=2):
        print(reply.data["message"])
