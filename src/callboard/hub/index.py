"""The index: which subscriptions match an event, at the cost of what matches, not of how many there are.

    add(expression, item)      equal expressions are one node with many items
    match(document)            the nodes whose expression matches

An expression is looked up by its rarest condition; what else it says is checked only when that
one holds. `level` has the lookup, `access` the choice, `trie` and `tables` the places;
docs/decisions/0002-index.md says which other designs lost.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar, cast

from callboard.expression import Everything, Expression
from callboard.hub.access import parts_of
from callboard.hub.level import Level

T = TypeVar("T")


class Node(Generic[T]):
    """An expression and the items that hold it, in the order in which they came."""

    __slots__ = ("expression", "items")

    def __init__(self, expression: Expression, item: T) -> None:
        self.expression = expression
        self.items: Collection[T] = (item,)  # a dict once there are more: most nodes have one

    def add(self, item: T) -> None:
        """Add an item that is not there yet."""
        if not isinstance(self.items, dict):
            self.items = dict.fromkeys(self.items)
        self.items[item] = None

    def remove(self, item: T) -> None:
        """Remove an item that is there."""
        if isinstance(self.items, dict):
            del self.items[item]
        else:
            self.items = ()


class Index(Generic[T]):
    """Expressions with their items; adding and removing cost what one expression says."""

    def __init__(self) -> None:
        self._level = Level()
        self._pairs = 0

    def __len__(self) -> int:
        """Return the number of (expression, item) pairs."""
        return self._pairs

    def add(self, expression: Expression, item: T) -> None:
        """Add `item` under `expression`; adding it again changes nothing."""
        node = self._node(expression)
        if node is None:
            parts = () if isinstance(expression.node, Everything) else parts_of(expression.node)
            self._level.add(expression, Node(expression, item), parts)
        elif item in node.items:
            return
        else:
            node.add(item)
        self._pairs += 1

    def remove(self, expression: Expression, item: T) -> None:
        """Remove `item` from under `expression`; removing what is not there changes nothing."""
        node = self._node(expression)
        if node is None or item not in node.items:
            return
        node.remove(item)
        self._pairs -= 1
        if not node.items:
            self._level.remove(expression)

    def match(self, document: Mapping[str, Any]) -> list[Node[T]]:
        """Return the nodes whose expression matches `document`, each once; never raises."""
        found: dict[Node[T], None] = {}
        self._level.collect(document, found)
        return list(found)

    def _node(self, expression: Expression) -> Node[T] | None:
        leaf = self._level.leaves.get(expression)
        return None if leaf is None else cast("Node[T]", leaf.target)
