"""The studio: actions, questions and file locations, asked and answered as events over any bus.

What people write actions with comes from here, each name when it is asked for:

    from callboard.studio import Form, Launch, action, listen
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from callboard.studio.annotations import Hidden as Hidden
    from callboard.studio.annotations import Input as Input
    from callboard.studio.annotations import Label as Label
    from callboard.studio.annotations import Textarea as Textarea
    from callboard.studio.forms import Form as Form
    from callboard.studio.launch import Asked as Asked
    from callboard.studio.launch import Launch as Launch
    from callboard.studio.launch import Selected as Selected
    from callboard.studio.launch import User as User
    from callboard.studio.offering import action as action
    from callboard.studio.offering import listen as listen
    from callboard.studio.outcomes import Done as Done
    from callboard.studio.outcomes import Failed as Failed
    from callboard.studio.outcomes import Widget as Widget

_PLACES: Final = {
    **dict.fromkeys(("Hidden", "Input", "Label", "Textarea"), "annotations"),
    **dict.fromkeys(("Asked", "Launch", "Selected", "User"), "launch"),
    **dict.fromkeys(("Done", "Failed", "Widget"), "outcomes"),
    **dict.fromkeys(("action", "listen"), "offering"),
    "Form": "forms",
}
__all__ = [
    "Asked",
    "Done",
    "Failed",
    "Form",
    "Hidden",
    "Input",
    "Label",
    "Launch",
    "Selected",
    "Textarea",
    "User",
    "Widget",
    "action",
    "listen",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: the rooms of the hub need none of it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
