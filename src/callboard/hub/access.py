"""Which conditions of an expression its leaf is looked up by.

    access(and) = one child     access(or) = one of each child     access(not) = none

Among the children of an `and` the one deepest inside the event is taken (a user or an entity tells
more apart than a topic), unless its value is crowded: one that a thousand leaves stand under is
passed over for a rarer one beside it. A fixed order keeps expressions of one shape at one place;
going by the number of values seen so far scattered them, and each place costs every event a
lookup. What the lookup decides is not checked again; what it only narrows down is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from callboard.expression.nodes import And, Comparison, Node, Not, Or, conjunction, negation
from callboard.hub.tables import LONGEST_PREFIX, Access, interval

Rank: TypeAlias = tuple[int, int, int]
"""How good an access is, lower is better: its kind, how crowded its value is, less its depth."""
Weigh: TypeAlias = Callable[[Access], int]
"""Tells how crowded the value of an access is: 0 for most, then one more for each doubling."""

LONGEST_PATH = 32
"""Parts of a path that is looked up; a condition on a longer one is only checked."""
POINT, RANGE, PRESENCE = 0, 1, 2


class Choice(NamedTuple):
    """How a leaf is looked up, and what then remains to look up further, or only to check."""

    accesses: tuple[Access, ...]
    parts: tuple[Node, ...]
    checks: tuple[Node, ...]


class _Candidate(NamedTuple):
    """A part (two for an interval), its accesses, and whether they decide it."""

    parts: tuple[Node, ...]
    accesses: tuple[Access, ...]
    decided: bool
    rank: Rank


def parts_of(node: Node | None) -> tuple[Node, ...]:
    """Return the nodes that all must match where `node` does."""
    if node is None:
        return ()
    return node.children if isinstance(node, And) else (node,)


def whole_of(parts: tuple[Node, ...]) -> Node | None:
    """Return the node that matches where all of `parts` do, None for no parts."""
    if len(parts) > 1:
        return And(parts)
    return parts[0] if parts else None


def best_of(parts: tuple[Node, ...], weigh: Weigh) -> Choice | None:
    """Return the best way to look up a leaf with these parts; None if there is none."""
    candidates = [*_of_parts(parts, weigh), *_intervals(parts, weigh)]
    if not candidates:
        return None
    best = min(candidates, key=lambda candidate: candidate.rank)
    rest = tuple(part for part in parts if not any(part is other for other in best.parts))
    if best.decided:
        return Choice(best.accesses, rest, ())
    part = best.parts[0]
    if isinstance(part, Comparison) and part.operator == "!=":
        return Choice(best.accesses, (Not(_equal(part)), *rest), ())  # now that the key is there
    return Choice(best.accesses, rest, best.parts)


def denial_of(parts: tuple[Node, ...], common: Callable[[Node], int]) -> tuple[Not, tuple[Node, ...]] | None:
    """Return what denies a leaf without any access, the most common, and the parts that then remain.

    None if the parts only have paths too long to be looked up.
    """
    denials: list[tuple[Not, Node]] = [(part, part) for part in parts if isinstance(part, Not)]
    denials = denials or [(_opposite(part), part) for part in parts if isinstance(part, Or)]
    if not denials:
        return None
    denial, part = max(denials, key=lambda pair: common(pair[0].child))
    return denial, tuple(other for other in parts if other is not part)


def _of_parts(parts: tuple[Node, ...], weigh: Weigh) -> Iterator[_Candidate]:
    for part in parts:
        if isinstance(part, Comparison):
            yield from _of_comparison(part, weigh)
        elif isinstance(part, Or) and (candidate := _of_or(part, weigh)):
            yield candidate


def _of_comparison(part: Comparison, weigh: Weigh) -> Iterator[_Candidate]:
    if len(part.path) <= LONGEST_PATH:
        decided = part.operator != "!=" and not (part.prefix and len(part.value) > LONGEST_PREFIX)
        kind = POINT if part.operator == "=" else PRESENCE if part.operator == "!=" else RANGE
        yield _Candidate((part,), (part,), decided, _rank(kind, part, weigh))


def _rank(kind: int, access: Access, weigh: Weigh) -> Rank:
    return kind, weigh(access), -len(access.path)


def _of_or(part: Or, weigh: Weigh) -> _Candidate | None:
    """One access for each alternative; none at all if one of them has none."""
    accesses: list[Access] = []
    kind = crowd = 0
    decided = True
    for child in part.children:
        best = min(_of_alternative(child, weigh), key=lambda candidate: candidate.rank, default=None)
        if best is None:
            return None
        accesses += best.accesses
        decided = decided and best.decided and best.parts[0] is child
        kind, crowd = max(kind, best.rank[0]), max(crowd, best.rank[1])
    return _Candidate((part,), tuple(accesses), decided, (kind, crowd, 0))


def _of_alternative(child: Node, weigh: Weigh) -> Iterator[_Candidate]:
    """The single conditions of an alternative; groups deeper inside are not looked into."""
    for part in parts_of(child):
        if isinstance(part, Comparison):
            yield from _of_comparison(part, weigh)


def _intervals(parts: tuple[Node, ...], weigh: Weigh) -> Iterator[_Candidate]:
    lows = {part.path: part for part in parts if isinstance(part, Comparison) and part.operator[0] == ">"}
    for high in parts if lows else ():
        if isinstance(high, Comparison) and high.operator[0] == "<" and high.path in lows:
            low = lows[high.path]
            between = interval(low, high) if len(high.path) <= LONGEST_PATH else None
            if between is not None:
                yield _Candidate((low, high), (between,), False, _rank(POINT, between, weigh))


def _equal(part: Comparison) -> Comparison:
    return Comparison(part.path, "=", part.value, part.typed, part.prefix)


def _opposite(part: Or) -> Not:
    """An Or that has no access has a negation among its children: its opposite has an access."""
    return Not(conjunction(negation(child) for child in part.children))
