"""Callboard: a self-hosted event hub for studios and print farms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callboard.client.connecting import connect as connect
    from callboard.event import Event as Event

__all__ = ["Event", "connect"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: `import callboard` costs nothing."""
    if name == "connect":
        from callboard.client.connecting import connect

        return connect
    if name == "Event":
        from callboard.event import Event

        return Event
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
