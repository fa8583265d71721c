"""Callboard: a self-hosted event hub for studios and print farms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callboard.event import Event

if TYPE_CHECKING:
    from callboard.client.connecting import connect as connect

__all__ = ["Event", "connect"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import the client when it is first asked for: `import callboard` stays light."""
    if name == "connect":
        from callboard.client.connecting import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
