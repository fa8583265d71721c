"""The index: which subscriptions match an event, at the cost of those that may.

    add(expression, item) -> nodes (equal expressions are one) -> match(document) -> the nodes that match

The index proposes, the expression decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from callboard.expression import And, Comparison, Expression

T = TypeVar("T")


class Node(Generic[T]):
    """An expression and who holds it; `items` keeps the order in which they came."""

    __slots__ = ("expression", "items")

    def __init__(self, expression: Expression) -> None:
        self.expression = expression
        self.items: dict[T, None] = {}


class Index(Generic[T]):
    """Expressions with their items; `match` costs what it finds, not how many there are."""

    def __init__(self) -> None:
        self._nodes: dict[Expression, Node[T]] = {}
        self._pairs = 0
        self._topics: dict[str, dict[Node[T], None]] = {}
        self._others: dict[Node[T], None] = {}

    def __len__(self) -> int:
        """Return the number of (expression, item) pairs."""
        return self._pairs

    def add(self, expression: Expression, item: T) -> None:
        """Add `item` under `expression`; adding it again changes nothing."""
        node = self._nodes.get(expression)
        if node is None:
            node = self._nodes[expression] = Node(expression)
            self._bucket(expression)[node] = None
        if item not in node.items:
            node.items[item] = None
            self._pairs += 1

    def remove(self, expression: Expression, item: T) -> None:
        """Remove `item` from `expression`; removing what is not there changes nothing."""
        node = self._nodes.get(expression)
        if node is None or item not in node.items:
            return
        del node.items[item]
        self._pairs -= 1
        if not node.items:
            del self._nodes[expression]
            del self._bucket(expression)[node]

    def match(self, document: Mapping[str, Any]) -> list[Node[T]]:
        """Return the nodes whose expression matches `document`; never raises."""
        proposed = [*self._topics.get(document["topic"], ()), *self._others]
        return [node for node in proposed if node.expression.matches(document)]

    def _bucket(self, expression: Expression) -> dict[Node[T], None]:
        node = expression.node
        for part in node.children if isinstance(node, And) else (node,):
            if part == Comparison(("topic",), "=", getattr(part, "value", "")):
                return self._topics.setdefault(part.value, {})
        return self._others
