"""What comes of a launch: it is done, it failed, or there is a page to look at.

Source: facts 4.3, the shapes of launch replies.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from callboard.errors import CallboardError
from callboard.studio.interfaces import is_page


class Done(Struct, frozen=True):
    """It worked; `message` is one line for the artist."""

    message: str


class Failed(CallboardError):
    """The action did not work: its log says why.

    Return it or raise it, from however deep; its message is for the artist.
    """


class Widget(Struct, frozen=True):
    """A web page that is shown to the artist. Raises CallboardError when `url` is none."""

    url: str
    title: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        if not is_page(self.url):
            raise CallboardError(f"A widget shows a page: {self.url[:80]!r} does not begin with http(s)://.")


Said = str | Done | Failed | Widget


def reply_of(said: Said) -> dict[str, Any]:
    """Return an outcome as the reply to a launch."""
    if isinstance(said, Widget):
        page = {"success": True, "message": said.message, "type": "widget", "url": said.url}
        return page | ({"title": said.title} if said.title else {})
    if isinstance(said, str):
        return {"success": True, "message": said}
    if isinstance(said, Done):
        return {"success": True, "message": said.message}
    return {"success": False, "message": str(said)}


def interface_of(said: Said) -> dict[str, Any]:
    """Return an outcome as data of `ftrack.action.trigger-user-interface`."""
    return {"type": "message", **reply_of(said)}
