"""Which entities a batch will touch, so that they are read in a few statements and not one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from callboard.tracker.model import Model, Reference, Scalar


def mentioned(model: Model, batch: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the ids that operations name, by table; what makes no sense is left for later to refuse."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in batch:
        for table, id_ in _of_operation(model, one):
            if isinstance(id_, str):
                found[table].add(id_)
    return found


def _of_operation(model: Model, operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    name = operation.get("entity_type")
    one = model.types.get(name) if isinstance(name, str) else None
    if one is None:
        return
    key, data = operation.get("entity_key"), operation.get("entity_data")
    if isinstance(key, list) and len(key) == 1 and one.key == ("id",):
        yield one.table, key[0]
    if not isinstance(data, Mapping):
        return
    targets = {
        found.by: model.types[found.targets[0]].table
        for found in one.attributes.values()
        if isinstance(found, Reference) and found.targets
    }
    for attribute, value in data.items():
        match one.attributes.get(attribute):
            case Reference() as found if isinstance(value, Mapping) and found.targets:
                yield targets[found.by], value.get("id")
            case Scalar(name="id"):
                yield one.table, value
            case Scalar(name=by) if by in targets:
                yield targets[by], value
