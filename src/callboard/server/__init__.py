"""The doors: HTTP and WebSockets on one port."""
