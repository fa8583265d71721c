"""A listener that misses nothing while it is down: the hub keeps its cursor under a name."""

from callboard import connect


def listen(seconds, name):
    """Be the listener for a while, and return what it heard."""
    heard = []
    with connect() as board:
        board.subscribe(
            "topic=example.approved", lambda event: heard.append(event.data["shot"]), durable=name
        )
        board.wait(seconds)
    return heard


name = "example-approvals"
print("first:", listen(0.5, name))  # from now on
with connect() as somebody_else:  # meanwhile nobody listens
    for shot in ("sh010", "sh020"):
        somebody_else.publish("example.approved", {"shot": shot})
print("then:", listen(1.0, name))  # what was missed comes first
