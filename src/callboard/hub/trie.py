"""The places of a document that leaves are looked up at, as a trie of keys.

A document is walked together with the trie, on whichever side has fewer keys: neither a large
event nor a hundred thousand different keys in subscriptions is looked at in full, and what no
leaf asks for is not read at all, so that an event's `data` stays undecoded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from callboard.expression.nodes import Path
from callboard.expression.predicates import flattened, stepped
from callboard.hub.tables import Table, Texts, new_table

FEW = 16
"""Keys of a slot that are tried one by one whatever the document has."""
LATE = ("topic", "data", "source", "target", "id", "sent", "inReplyToEvent", "in_reply_to_event", "entry")
"""Keys that a Document may have although it lists them only once they are read."""


class Slot:
    """A place: the tables of what is looked up there, and the places below it."""

    __slots__ = ("children", "tables", "texts")

    def __init__(self) -> None:
        self.children: dict[str, Slot] = {}
        self.texts: Texts[Any] | None = None  # nearly always the only one, hence apart
        self.tables: dict[str, Table[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.children or self.tables or self.texts)

    def table(self, kind: str) -> Table[Any]:
        """Return the table of that kind, made if need be."""
        if kind == "text":
            self.texts = Texts() if self.texts is None else self.texts
            return self.texts
        table = self.tables.get(kind)
        if table is None:
            table = self.tables[kind] = new_table(kind)
        return table

    def drop(self, kind: str) -> None:
        """Forget the table of that kind, which is empty."""
        if kind == "text":
            self.texts = None
        else:
            del self.tables[kind]


def reach(root: Slot, path: Path) -> Slot:
    """Return the slot at `path`, made if need be."""
    for part in path:
        slot = root.children.get(part)
        if slot is None:
            slot = root.children[part] = Slot()
        root = slot
    return root


def find(root: Slot, path: Path) -> Slot | None:
    """Return the slot at `path`, or None."""
    slot: Slot | None = root
    for part in path:
        slot = slot.children.get(part) if slot else None
    return slot


def prune(root: Slot, path: Path) -> None:
    """Forget the slots along `path` that hold nothing any more."""
    slots = [root]
    for part in path:
        slots.append(slots[-1].children[part])
    for part, slot, parent in zip(reversed(path), reversed(slots), reversed(slots[:-1]), strict=False):
        if slot:
            return
        del parent.children[part]


def propose(root: Slot, document: Mapping[str, Any], buckets: list[Any]) -> None:
    """Append the buckets that `document` may satisfy to `buckets`; never raises, may repeat some."""
    waiting: list[tuple[Slot, Mapping[str, Any]]] = [(root, document)]
    while waiting:
        slot, mapping = waiting.pop()
        children = slot.children
        for part in children if len(children) <= FEW else _shared(children, mapping):
            try:
                value = mapping[part]
            except Exception:  # noqa: S112 - KeyError; what else a mapping may raise is no value either
                continue
            slot = children[part]
            if type(value) is not str:
                _propose_below(slot, value, buckets, waiting)
                continue
            if slot.texts is not None and (bucket := slot.texts.get(value)) is not None:
                buckets.append(bucket)
            if slot.tables:
                _look_up(slot, (value,), buckets)


def _propose_below(slot: Slot, value: Any, buckets: list[Any], waiting: list[Any]) -> None:
    if isinstance(value, list):
        _propose_from_list(slot, value, buckets)
        return
    if slot.tables:
        _look_up(slot, (value,), buckets)
    if slot.children and (type(value) is dict or isinstance(value, Mapping)):
        waiting.append((slot, value))


def _shared(children: Mapping[str, Slot], mapping: Mapping[str, Any]) -> list[str]:
    """Return the keys of both, at the cost of the smaller."""
    if len(children) <= len(mapping):
        return list(children)
    return [part for part in dict.fromkeys((*LATE, *mapping)) if part in children]


def _look_up(slot: Slot, values: Any, buckets: list[Any]) -> None:
    for table in slot.tables.values():
        buckets.extend(table.proposed(values))


def _propose_from_list(slot: Slot, value: list[Any], buckets: list[Any]) -> None:
    """Several values stand at each place from here on, as `values_at` finds them."""
    waiting: list[tuple[Slot, list[Any]]] = [(slot, [value])]
    while waiting:
        slot, values = waiting.pop()
        flat = flattened(values)
        if slot.texts is not None:
            buckets.extend(slot.texts.proposed(flat))
        _look_up(slot, flat, buckets)
        for part in slot.children if len(slot.children) <= FEW else _present(slot.children, values, flat):
            found = stepped(values, part)
            if found:
                waiting.append((slot.children[part], found))


def _present(children: Mapping[str, Slot], values: list[Any], flat: Iterable[Any]) -> list[str]:
    keys = dict.fromkeys(key for item in flat if isinstance(item, Mapping) for key in item)
    longest = max((len(value) for value in values if isinstance(value, list)), default=0)
    places = (str(place) for place in range(longest))
    return [part for part in (*keys, *places) if part in children]
