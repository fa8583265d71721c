"""A level of the index: leaves under what they are looked up by, and what is left of them below.

    document -> places of the trie that it has -> tables -> buckets -> leaves -> targets

A bucket is a leaf, a short list of leaves, or, once it is hot, a level of its own that looks the
leaves up by what remains of their expressions. So a value that a million expressions share
costs one more lookup, not a million checks.

A leaf that only says what must *not* be is looked up by that: it stands among those that match
unless denied, and a level beside this one finds whom a document denies.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, TypeAlias, Union

from callboard.expression.nodes import And, Node, Not, flat
from callboard.expression.predicates import Predicate, compiled
from callboard.hub.access import best_of, denial_of, parts_of, whole_of
from callboard.hub.tables import Access, keys, places
from callboard.hub.trie import Slot, find, propose, prune, reach

HOT = 16
"""Leaves in a bucket that are checked one by one; more become a level."""
COOL = 4
"""Leaves in a level that become a list again."""
CROWDED = 1024
"""Leaves under one value from which on a rarer one beside it is preferred."""
DEEPEST = 6
"""Levels within levels."""

Parts: TypeAlias = tuple[Node, ...]


class Leaf:
    """What is found, by what it is looked up, and what of its expression that leaves open.

    `by` is an access, several, or a Not for a leaf that matches unless denied. `rest` may be looked
    up further, `checks` can only be checked. (One thing is not put in a tuple: there are millions.)
    """

    __slots__ = ("by", "checks", "rest", "target", "test")

    def __init__(self, target: Hashable, parts: Parts, checks: Parts) -> None:
        self.target = target
        self.by: Access | tuple[Access, ...] | Not | None = None
        self.rest = whole_of(parts)
        self.checks = whole_of(checks)
        self.test: Predicate | None = None

    @property
    def settled(self) -> bool:
        """True when its lookup leaves nothing open."""
        return self.rest is None and self.checks is None

    @property
    def accesses(self) -> tuple[Access, ...]:
        """By what the leaf is looked up, if it is."""
        if self.by is None or isinstance(self.by, Not):
            return ()
        return self.by if isinstance(self.by, tuple) else (self.by,)

    def compiled(self) -> Predicate:
        """Return the test of what is open; made when first asked for, as most leaves never are."""
        self.test = compiled(And(parts_of(self.rest) + parts_of(self.checks)))
        return self.test


Bucket: TypeAlias = Union[Leaf, list[Leaf], "Level"]


class Level:
    """Leaves by key, found through what they are looked up by."""

    __slots__ = ("denials", "depth", "free", "groups", "leaves", "plain", "root", "said")

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.leaves: dict[Hashable, Leaf] = {}
        self.root = Slot()
        self.plain: dict[Hashable, None] = {}  # targets of settled leaves that match unless denied
        self.groups: dict[Hashable, Bucket] = {}  # other leaves to look at unless denied, by denial
        self.denials: Level | None = None  # finds the targets and groups that a document denies
        self.said: dict[Hashable, int] = {}  # how many leaves in groups say the same negation
        self.free: dict[Leaf, None] = {}  # leaves that are always checked: nothing to look up

    def add(self, key: Hashable, target: Hashable, parts: Parts, checks: Parts = ()) -> None:
        """Add a leaf under `key` that finds `target` where all of `parts` and `checks` match."""
        leaf = self.leaves[key] = Leaf(target, parts, checks)
        choice = best_of(parts, self._weigh)
        if choice is not None:
            leaf.by = choice.accesses if len(choice.accesses) > 1 else choice.accesses[0]
            leaf.rest, leaf.checks = whole_of(choice.parts), whole_of(checks + choice.checks)
            self._put(leaf)
        elif leaf.settled:
            self.plain[target] = None
        else:
            self._put_denied(leaf, parts)

    def remove(self, key: Hashable) -> None:
        """Remove the leaf under `key` and everything that was there for it alone."""
        leaf = self.leaves.pop(key)
        if isinstance(leaf.by, Not):
            self._take_denied(leaf, leaf.by)
        elif leaf.by is not None:
            self._take(leaf)
        elif leaf.settled:
            del self.plain[leaf.target]
        else:
            del self.free[leaf]

    @property
    def outer(self) -> list[Leaf]:
        """The leaves of the bucket that this level stands for: there they are the keys."""
        return [leaf for leaf in self.leaves if isinstance(leaf, Leaf)]

    def collect(self, document: Any, found: dict[Any, None]) -> None:
        """Add the targets that `document` matches to `found`."""
        levels = [self]
        while levels:
            level = levels.pop()
            buckets: list[Bucket] = []
            if level.plain or level.groups or level.free:
                level._offer_unplaced(document, found, buckets)
            propose(level.root, document, buckets)
            for bucket in buckets:
                if isinstance(bucket, Level):
                    levels.append(bucket)
                    continue
                for leaf in (bucket,) if isinstance(bucket, Leaf) else bucket:
                    if (leaf.test or leaf.compiled())(document):
                        found[leaf.target] = None

    def _offer_unplaced(self, document: Any, found: dict[Any, None], buckets: list[Bucket]) -> None:
        denied: dict[Any, None] = {}
        if self.denials is not None:
            self.denials.collect(document, denied)
        plain = self.plain
        if denied and plain:
            plain = plain.copy()  # copying and leaving out is faster than looking at each
            for target in denied:
                plain.pop(target, None)
        found.update(plain)
        buckets.extend(bucket for key, bucket in self.groups.items() if key not in denied)
        buckets.extend(self.free)

    def _weigh(self, access: Access) -> int:
        """Return how crowded the value of `access` is."""
        slot = find(self.root, access.path)
        kind, key = keys(access)[0]
        table = slot.texts if slot and kind == "text" else slot.tables.get(kind) if slot else None
        return (_size(table.get(key)) // CROWDED).bit_length() if table else 0

    def _put(self, leaf: Leaf) -> None:
        for path, kind, key in places(leaf.accesses):
            table = reach(self.root, path).table(kind)
            table[key] = self._joined(table.get(key), leaf)

    def _take(self, leaf: Leaf) -> None:
        for path, kind, key in places(leaf.accesses):
            slot = reach(self.root, path)
            table = slot.table(kind)
            rest = _without(table[key], leaf)
            if rest is not None:
                table[key] = rest
                continue
            del table[key]
            if not table:
                slot.drop(kind)
                prune(self.root, path)

    def _put_denied(self, leaf: Leaf, parts: Parts) -> None:
        choice = denial_of(parts, self._common) if self.depth < DEEPEST else None
        if choice is None:
            self.free[leaf] = None
            return
        leaf.by, parts = choice
        leaf.rest = whole_of(parts)
        if self.denials is None:
            self.denials = Level(self.depth + 1)
        denial = leaf.by.child
        if leaf.settled:
            self.plain[leaf.target] = None
            self.denials.add(leaf.target, leaf.target, parts_of(denial))
            return
        key = flat(denial)
        if key not in self.groups:
            self.denials.add(key, key, parts_of(denial))
        self.groups[key] = self._joined(self.groups.get(key), leaf)
        self._count((leaf.by, *parts), 1)

    def _take_denied(self, leaf: Leaf, denial: Not) -> None:
        assert self.denials is not None
        if leaf.settled:
            del self.plain[leaf.target]
            self.denials.remove(leaf.target)
        else:
            self._count((denial, *parts_of(leaf.rest)), -1)
            key = flat(denial.child)
            rest = _without(self.groups[key], leaf)
            if rest is not None:
                self.groups[key] = rest
                return
            del self.groups[key]
            self.denials.remove(key)
        if not self.denials.leaves:
            self.denials = None

    def _common(self, denial: Node) -> int:
        return self.said.get(flat(denial), 0)

    def _count(self, parts: Parts, change: int) -> None:
        for part in parts:
            if isinstance(part, Not):
                key = flat(part.child)
                self.said[key] = self.said.get(key, 0) + change
                if not self.said[key]:
                    del self.said[key]

    def _joined(self, bucket: Bucket | None, leaf: Leaf) -> Bucket:
        if bucket is None:
            return leaf
        if isinstance(bucket, Level):
            bucket.add(leaf, leaf.target, parts_of(leaf.rest), parts_of(leaf.checks))
            return bucket
        if isinstance(bucket, Leaf):
            return [bucket, leaf]
        bucket.append(leaf)
        return bucket if len(bucket) <= HOT or self.depth >= DEEPEST else self._level_of(bucket)

    def _level_of(self, bucket: list[Leaf]) -> Level:
        level = Level(self.depth + 1)
        for leaf in bucket:
            level.add(leaf, leaf.target, parts_of(leaf.rest), parts_of(leaf.checks))
            leaf.test = None
        return level


def _without(bucket: Bucket, leaf: Leaf) -> Bucket | None:
    if isinstance(bucket, Leaf):
        return None
    bucket.remove(leaf)
    if isinstance(bucket, Level):
        if len(bucket.leaves) > COOL:
            return bucket
        bucket = bucket.outer
    return bucket if len(bucket) > 1 else bucket[0]


def _size(bucket: Bucket | None) -> int:
    if bucket is None:
        return 0
    if isinstance(bucket, Leaf):
        return 1
    return len(bucket) if isinstance(bucket, list) else len(bucket.leaves)
