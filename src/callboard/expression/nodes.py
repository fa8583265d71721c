"""What an expression means, as values: conditions, joined by and, or, not.

Nodes compare by identity, because a text of 64 KiB nests thousands deep and Python compares
and hashes nested values by recursion. `flat` gives the same tree as one flat tuple, which
compares and hashes in one step; `Expression` stands on it. A million subscriptions are some
million nodes, and none can be part of a cycle, hence no `gc`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from msgspec import Struct

Operator: TypeAlias = Literal["=", "!=", ">=", "<=", ">", "<"]
Path: TypeAlias = tuple[str, ...]


class Comparison(Struct, frozen=True, gc=False):
    """A condition: what stands at `path` has `operator` to `value`.

    `typed`: the value also means the JSON number or boolean that it spells (it stood without
    quotes). `prefix`: the value is only the beginning (its trailing `*` is cut off already).
    Both are false wherever they would change nothing, so that equal conditions are equal.
    """

    path: Path
    operator: Operator
    value: str
    typed: bool = False
    prefix: bool = False


class Everything(Struct, frozen=True, eq=False, gc=False):
    """Matches every document: what an empty expression says."""


class Not(Struct, frozen=True, eq=False, gc=False):
    """Matches where its child does not; in normal form the child is a Comparison or an And."""

    child: Node


class And(Struct, frozen=True, eq=False, gc=False):
    """Matches where all of its two or more children do."""

    children: tuple[Node, ...]


class Or(Struct, frozen=True, eq=False, gc=False):
    """Matches where at least one of its two or more children does."""

    children: tuple[Node, ...]


Node: TypeAlias = Comparison | Not | And | Or | Everything
Flat: TypeAlias = tuple[Comparison | tuple[type[Node], int], ...]

EVERYTHING_NODE = Everything()
_DECODED_LATE = frozenset({"data", "source"})


def conjunction(nodes: Iterable[Node]) -> Node:
    """Return the normal form of all `nodes` joined by and; each is in normal form already."""
    parts = [part for node in nodes for part in (node.children if isinstance(node, And) else (node,))]
    parts = _ordered(part for part in parts if not isinstance(part, Everything))
    if len(parts) > 1:
        return And(tuple(parts))
    return parts[0] if parts else EVERYTHING_NODE


def disjunction(nodes: Iterable[Node]) -> Node:
    """Return the normal form of `nodes`, at least one, joined by or; each is in normal form already."""
    parts = [part for node in nodes for part in (node.children if isinstance(node, Or) else (node,))]
    if any(isinstance(part, Everything) for part in parts):
        return EVERYTHING_NODE
    parts = _ordered(parts)
    return Or(tuple(parts)) if len(parts) > 1 else parts[0]


def negation(node: Node) -> Node:
    """Return the opposite of `node`, a Comparison, Not or And."""
    return node.child if isinstance(node, Not) else Not(node)


def flat(node: Node) -> Flat:
    """Return the tree of `node` as one flat tuple, parents first: equal trees give equal tuples."""
    tokens: list[Comparison | tuple[type[Node], int]] = []
    waiting: list[Node] = [node]
    while waiting:
        node = waiting.pop()
        match node:
            case Comparison():
                tokens.append(node)
                continue
            case Not():
                children: tuple[Node, ...] = (node.child,)
            case And() | Or():
                children = node.children
            case _:
                children = ()
        tokens.append((type(node), len(children)))
        waiting.extend(children)
    return tuple(tokens)


def _ordered(nodes: Iterable[Node]) -> list[Node]:
    """Return single conditions once each, cheap ones first, then the groups as they come.

    Cheap is what can be read without decoding an event's `data` or `source`.
    """
    leaves: dict[tuple[Comparison, bool], Node] = {}
    groups: list[Node] = []
    for node in nodes:
        leaf = node.child if isinstance(node, Not) else node
        if isinstance(leaf, Comparison):
            leaves.setdefault((leaf, leaf is node), node)
        else:
            groups.append(node)
    return [leaves[key] for key in sorted(leaves, key=_rank)] + groups


def _rank(leaf: tuple[Comparison, bool]) -> tuple[object, ...]:
    comparison, positive = leaf
    path = comparison.path
    return (
        path[0] in _DECODED_LATE,
        path,
        comparison.operator,
        comparison.value,
        comparison.typed,
        comparison.prefix,
        positive,
    )
