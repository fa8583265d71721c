"""Targets: which subscriptions an event's target means, without asking each of them.

Subscriber information is indexed by its leaves, so `id=...` is one lookup and
`applicationId=ftrack.client.web and user.id="..."` looks at the rarer of the two.
Source: seeds/studio-events.txt, "Targeting events".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from callboard.expression import Expression, parse_target
from callboard.hub.index import access_terms
from callboard.hub.recipient import Subscription

_PLAIN_ID = re.compile(r"id=([A-Za-z0-9_./@+,-]+)")
_LEAVES = 64

Leaf = tuple[tuple[str, ...], str]


class Targets:
    """The subscriptions that are there, by what their subscribers say of themselves."""

    def __init__(self) -> None:
        self._all: dict[Subscription, None] = {}
        self._by_leaf: dict[Leaf, dict[Subscription, None]] = {}
        self._by_id: dict[str, dict[Subscription, None]] = {}

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
        return [one for one in self._candidates(expression) if expression.matches(one.subscriber)]

    def _candidates(self, expression: Expression) -> Collection[Subscription]:
        terms = access_terms(expression)
        if terms is None:
            return self._all
        found: dict[Subscription, None] = {}
        for term in terms:
            found |= self._by_leaf.get(term, {})
        return found


def leaves(subscriber: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield the first leaves of subscriber information as (path, text), lists element by element."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), subscriber)]
    count = 0
    while stack and count < _LEAVES:
        path, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(((*path, key), child) for key, child in value.items())
        elif isinstance(value, list):
            stack.extend((path, child) for child in value[:_LEAVES])
        elif value is not None:
            count += 1
            yield path, _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _discard(index: dict[Any, dict[Subscription, None]], key: Any, subscription: Subscription) -> None:
    bucket = index.get(key)
    if bucket is not None:
        bucket.pop(subscription, None)
        if not bucket:
            del index[key]
