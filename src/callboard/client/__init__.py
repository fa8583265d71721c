"""The client: a bus over the wire, for programs anywhere (`from callboard import connect`)."""
