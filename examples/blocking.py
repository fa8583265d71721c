"""A script: subscribe, publish, and let the handler work for a moment."""

from callboard import connect

with connect() as board:

    @board.subscribe("topic=example.greeting")
    def greet(event):
        print(f"{event.data['name']} says hello, stored at {event.entry.position}")

    board.publish("example.greeting", {"name": "Ada"})
    board.wait(0.5)
