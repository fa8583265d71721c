"""Events that stay in one program: its own handlers are called, in order, and the hub hears nothing."""

from callboard import connect


def check(event):
    """Called first, because its priority is lower; keeps bad names from all others."""
    if not event.data["name"].isidentifier():
        event.stop()
        return "refused"
    return "fine"


with connect() as board:
    board.subscribe("topic=example.rename", check, priority=10)
    board.subscribe("topic=example.rename", lambda event: event.data["name"].upper())

    for name in ("table", "a table"):
        print(name, "->", board.publish("example.rename", {"name": name}, synchronous=True))
