"""What is known before any event comes: the topics' keys, and which printers there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from callboard.hooks.fields import BadHook, nearest
from callboard.hooks.model import Selection
from callboard.hooks.template import PRINT_PREFIX, SPECIAL

_EVENT_KEYS: Final = frozenset({"topic", "id", "target"})
_OF_THE_SERVER: Final = frozenset(
    PRINT_PREFIX + name
    for name in (
        *("Startup", "Shutdown", "ClientOpened", "ClientClosed", "ClientAuthed", "ClientDeauthed", "Upload"),
        *("UpdatedFiles", "FileAdded", "FileRemoved", "FolderAdded", "FolderRemoved", "SettingsUpdated"),
        *("MetadataAnalysisStarted", "MetadataAnalysisFinished", "MetadataAnalaysisFinished"),
        *("SlicingStarted", "SlicingDone", "SlicingCancelled", "SlicingFailed"),
    )
)
"""Print events that no printer sends."""


def check_topics(selection: Selection) -> None:
    """Refuse a misspelt print event, with the nearest right name; other unknown topics may come yet."""


def check_names(names: Iterable[str], selection: Selection) -> None:
    """Refuse a placeholder that no topic of the selection has, with the nearest right name."""
    for name in names:
        if name.startswith("__") and name not in SPECIAL:
            raise BadHook(f"There is no placeholder {{{name}}}{nearest(name, SPECIAL)}")


def check_printer(printer: str, selection: Selection, printers: Sequence[object]) -> str:
    """Return the printer that a gcode hook means, empty for the event's own."""
    return printer
