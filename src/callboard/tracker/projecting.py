"""What a query's projections ask for, as a tree of names: `select name, parent[Shot].bid from Task`.

A name may hold for one type only: `bid` after `parent[Shot]` is asked of those parents that are shots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from callboard.tracker.language import Path
from callboard.tracker.model import Attribute, EntityType, Model, Reference, Scalar
from callboard.tracker.refusals import BadQuery, Invalid

_VALUE = 16
"""Characters of a name, of a number."""
Tree: TypeAlias = dict[tuple[str, str], "Tree"]
"""Projections by their first name, and the type that it is asked of, "" for any."""


def projected(model: Model, one: EntityType, projections: Iterable[Path]) -> Tree:
    """Return what projections ask for, else what a type shows by itself; raises Invalid for unknown names."""
    tree: Tree = {}
    for path in projections:
        if path[-1].cast:
            name = f"{path[-1].name}[{path[-1].cast}]"
            raise BadQuery(f"`{name}` at the end of a projection asks for nothing: write `{name}.name`.")
        inner, only = tree, ""
        for step in path:
            inner = inner.setdefault((step.name, only), {})
            only = step.cast
    _check(model, (one.name,), tree)
    return tree or shown_by_default(one)


def shown_by_default(one: EntityType) -> Tree:
    """Return what a type shows when nothing is asked for by name."""
    return {(name, ""): {} for name in one.projections}


def narrowed(model: Model, kind: str, tree: Tree) -> dict[str, Tree]:
    """Return what a tree asks of one type."""
    found: dict[str, Tree] = {}
    for (name, only), inner in tree.items():
        if not only or kind in model.below[only]:
            found[name] = _merged(found[name], inner) if name in found else inner
    return found


def weight(data: Sequence[Mapping[str, Any]]) -> int:
    """Return about how many characters an answer has; what stands in it many times is looked at once."""
    known: dict[int, int] = {}

    def of(value: Any) -> int:
        if isinstance(value, str):
            return len(value)
        if isinstance(value, list):
            return sum(map(of, value))
        if not isinstance(value, dict):
            return _VALUE
        found = known.get(id(value))
        if found is None:
            found = known[id(value)] = sum(_VALUE + of(each) for each in value.values())
        return found

    return sum(map(of, data))


def _merged(one: Tree, other: Tree) -> Tree:
    both = dict(one)
    for key, inner in other.items():
        both[key] = _merged(both[key], inner) if key in both else inner
    return both


def _check(model: Model, types: Sequence[str], tree: Tree) -> None:
    """Raise Invalid for a name that none of the types, and none under them, has."""
    for (name, only), inner in tree.items():
        one, found = _seen(model, (only,) if only else types, name, bool(inner))
        if not isinstance(found, Scalar):
            _check(model, found.targets if isinstance(found, Reference) else (found.target,), inner)
        elif inner:
            raise Invalid(f"{one.name}.{name} is a value: nothing comes after it in a projection.")


def _seen(model: Model, types: Sequence[str], name: str, relation: bool) -> tuple[EntityType, Attribute]:
    for each in types[1:]:
        if any(name in model[under].attributes for under in (each, *model.below[each])):
            return model[each], model.seen(model[each], name, relation=relation)
    return model[types[0]], model.seen(model[types[0]], name, relation=relation)
