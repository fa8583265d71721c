"""What is on the wire: Socket.IO 0.9 and 5 as bytes in, values out. Nothing here reads, writes or waits.

frames.py      WebSocket frames, server to client
framing.py     one event as one frame
packets.py     what a peer's message says
publication.py a message's JSON as an event
answer.py      the answer to it
session.py     one connection as a state table; heartbeats
socketio09.py  the protocol of the official studio clients
socketio5.py   the protocol of modern Socket.IO clients, and of ours
peer.py        the client's end of the latter
handshake.py   the body of the 0.9 handshake
cloudevents.py an event in the form of another house, for HTTP
"""
