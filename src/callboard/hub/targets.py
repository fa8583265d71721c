"""Targets: which subscriptions an event's target means, without asking each of them.

Subscriber information is indexed by its leaves, so `id=...` is one lookup and
`applicationId=ftrack.client.web and user.id="..."` looks at the rarer of the two.
Source: seeds/studio-events.txt, "Targeting events".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from callboard.expression import And, Comparison, Node, Or, parse_target
from callboard.hub.recipient import Subscription

_PLAIN_ID = re.compile(r"id=([A-Za-z0-9_./@+,-]+)")
_MOST = 16
"""So many parts of a target are looked at to find candidates; all are when candidates are checked."""

Leaf = tuple[tuple[str, ...], str]


class Targets:
    """The subscriptions that are there, by what their subscribers say of themselves."""

    def __init__(self) -> None:
        self._all: dict[Subscription, None] = {}
        self._by_leaf: dict[Leaf, dict[Subscription, None]] = {}
        self._by_id: dict[str, dict[Subscription, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def add(self, subscription: Subscription) -> None:
        """Take a subscription up."""
        self._all[subscription] = None
        self._by_id.setdefault(subscription.id, {})[subscription] = None
        for leaf in leaves(subscription.subscriber):
            self._by_leaf.setdefault(leaf, {})[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription that was added."""
        self._all.pop(subscription, None)
        _discard(self._by_id, subscription.id, subscription)
        for leaf in leaves(subscription.subscriber):
            _discard(self._by_leaf, leaf, subscription)

    def named(self, subscriber: str) -> Collection[Subscription]:
        """Return the subscriptions of one subscriber id."""
        return self._by_id.get(subscriber, {})

    def find(self, target: str) -> list[Subscription]:
        """Return the subscriptions whose subscriber information fulfils `target`."""
        plain = _PLAIN_ID.fullmatch(target)
        if plain is not None:
            return list(self.named(plain[1]))
        expression = parse_target(target)
        return [one for one in self._candidates(expression.node) if expression.matches(one.subscriber)]

    def _candidates(self, node: Node, depth: int = 3) -> Collection[Subscription]:
        """Return a superset of those that fulfil `node`, the smaller the better."""
        match node:
            case Comparison(path, "=", value, typed=False, prefix=False) if not _indexes(path):
                return self._by_leaf.get((path, value), {})
            case And(children) if depth:
                return min((self._candidates(child, depth - 1) for child in children[:_MOST]), key=len)
            case Or(children) if depth and len(children) <= _MOST:
                return dict.fromkeys(one for child in children for one in self._candidates(child, depth - 1))
            case _:
                return self._all


def _indexes(path: tuple[str, ...]) -> bool:
    """Return whether a path may pick an element of a list, which leaves don't tell."""
    return any(part.isdigit() for part in path)


def leaves(subscriber: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield the texts of subscriber information as (path, text), lists element by element."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), subscriber)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            stack.extend((path, child) for child in value)
        elif isinstance(value, str):
            yield path, value


def _discard(index: dict[Any, dict[Subscription, None]], key: Any, subscription: Subscription) -> None:
    bucket = index.get(key)
    if bucket is not None:
        bucket.pop(subscription, None)
        if not bucket:
            del index[key]
