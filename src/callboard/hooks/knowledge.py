"""What is known before any event comes: the topics' keys, and which printers there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from callboard import catalog
from callboard.errors import CallboardError
from callboard.expression import And, Comparison, Expression, Node, parse
from callboard.hooks.fields import BadHook, nearest
from callboard.hooks.model import Printer, Selection
from callboard.hooks.template import PRINT_PREFIX, SPECIAL, event_name

_VOCABULARIES: Final = (PRINT_PREFIX, "ftrack.", "callboard.")
_EVENT_KEYS: Final = frozenset({"topic", "id", "target"})
_OF_THE_SERVER: Final = frozenset(
    PRINT_PREFIX + name
    for name in (
        *("Startup", "Shutdown", "ClientOpened", "ClientClosed", "ClientAuthed", "ClientDeauthed", "Upload"),
        *("UserLoggedIn", "UserLoggedOut", "UpdatedFiles", "FileAdded", "FileRemoved", "FileMoved"),
        *("FolderAdded", "FolderRemoved", "FolderMoved", "SettingsUpdated", "ConnectionsAutorefreshed"),
        *("MetadataAnalysisStarted", "MetadataAnalysisFinished", "MetadataAnalaysisFinished"),
        *("MetadataStatisticsUpdated", "SlicingStarted", "SlicingDone", "SlicingCancelled", "SlicingFailed"),
        *("SlicingProfileAdded", "SlicingProfileModified", "SlicingProfileDeleted"),
    )
)
"""Print events that belong to no printer."""


def misspelt(selection: Selection) -> str:
    """Return a hint for topics that look like slips of the pen, or nothing; unknown topics may come yet."""
    for topic in sorted(selection.topics):
        if topic.startswith(_VOCABULARIES) and catalog.topic(topic) is None:
            name = event_name(topic)
            near = catalog.nearest(name)
            return f"event {name} is not known, did you mean {near}?" if near else ""
    return ""


def strangers(names: Iterable[str], selection: Selection) -> list[str]:
    """Return what is wrong with each placeholder that no topic has, and the nearest right name."""
    keys = _keys(selection)
    return [said for name in dict.fromkeys(names) if (said := _stranger(name, keys, selection))]


def _stranger(name: str, keys: frozenset[str] | None, selection: Selection) -> str:
    if name in SPECIAL:
        return ""
    if name.startswith("__"):
        return f"There is no placeholder {{{name}}}{nearest(name, SPECIAL)}"
    if keys is None or not (first := _first(name)) or first in keys:
        return ""
    topics = ", ".join(sorted(map(event_name, selection.topics)))
    return (
        f"There is no placeholder {{{name}}} in {topics}{nearest(first, keys | frozenset(SPECIAL))}"
        f" It has {', '.join(sorted(keys)) or 'no keys of its own'}."
    )


def _keys(selection: Selection) -> frozenset[str] | None:
    """Return the keys that the topics have together, None when one of them is not known."""
    if selection.expressions or any(catalog.topic(topic) is None for topic in selection.topics):
        return None
    return frozenset[str]().union(*(catalog.keys(topic) for topic in selection.topics))


def _first(name: str) -> str:
    """Return the payload key that a placeholder begins with, nothing when it looks elsewhere."""
    head, _, rest = name.partition(".")
    if rest and head == "data":
        return rest.partition(".")[0]
    if (rest and head in {"source", "entry"}) or (not rest and head in _EVENT_KEYS):
        return ""
    return head


def meant_printer(printer: str, selection: Selection, printers: Sequence[Printer]) -> str:
    """Return the name of the printer that a gcode hook means, empty for the event's own.

    Raises BadHook when it could mean several, or none of `printers` (unless none is known).
    """
    if not printer:
        if len(printers) > 1 and not _by_printers(selection):
            several = ", ".join(one.name for one in printers[:5])
            raise BadHook(
                f"printer is missing: not every such event has a printer, and there are several ({several})",
                kind="printer is missing",
            )
        return ""
    if not set(printer) & set("=<>"):
        if printers and printer not in {one.name for one in printers}:
            raise BadHook(
                f"There is no printer {printer!r}{nearest(printer, [one.name for one in printers])}",
                "printer",
            )
        return printer
    return _only(printer, printers)


def _only(text: str, printers: Sequence[Printer]) -> str:
    try:
        expression = parse(text)
    except CallboardError as error:
        raise BadHook(f"printer: {error}", "printer") from None
    found = [one.name for one in printers if expression.matches(_document(one))]
    if len(found) != 1:
        several = f"several printers: {', '.join(found[:5])}" if found else "no printer"
        raise BadHook(f"printer {text!r} means {several}; narrow it down to one, or name it", "printer")
    return found[0]


def _document(printer: Printer) -> Mapping[str, Any]:
    """A printer as `printer:` sees it: name and tags, with and without `source.` and `printer.` in front."""
    own = {"name": printer.name, "tags": list(printer.tags)}
    return {**own, "printer": own, "source": {"printer": printer.name, "tags": own["tags"]}}


def _by_printers(selection: Selection) -> bool:
    """Tell whether every event of a selection comes from a printer."""
    return all(map(_from_printer, selection.topics)) and all(map(_names_printer, selection.expressions))


def _from_printer(topic: str) -> bool:
    return topic.startswith(PRINT_PREFIX) and topic not in _OF_THE_SERVER


def _names_printer(expression: Expression) -> bool:
    node = expression.node
    return any(map(_tells, node.children if isinstance(node, And) else (node,)))


def _tells(node: Node) -> bool:
    if not isinstance(node, Comparison) or node.operator != "=":
        return False
    if node.path[:2] == ("source", "printer"):
        return True
    return node.path == ("topic",) and not node.prefix and _from_printer(node.value)
