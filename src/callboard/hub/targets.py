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

Path = tuple[str, ...]
Leaf = tuple[Path, str]
Some = Subscription | dict[Subscription, None]
"""One subscription, or several in the order in which they came: nearly always it is one."""

_ID: Path = ("id",)


class Targets:
    """The subscriptions that are there, by what their subscribers say of themselves."""

    def __init__(self) -> None:
        self._by_path: dict[Path, dict[str, Some]] = {_ID: {}}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, subscription: Subscription) -> None:
        """Take a subscription up."""
        self._count += 1
        for path, text in _places(subscription):
            table = self._by_path.setdefault(path, {})
            table[text] = _with(table.get(text), subscription)

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription that was added."""
        self._count -= 1
        for path, text in _places(subscription):
            table = self._by_path.get(path, {})
            rest = _without(table.get(text), subscription)
            if rest is not None:
                table[text] = rest
            elif table.pop(text, None) is not None and not table and path != _ID:
                del self._by_path[path]

    def named(self, subscriber: str) -> Collection[Subscription]:
        """Return the subscriptions of one subscriber id."""
        return _several(self._by_path[_ID].get(subscriber))

    @property
    def _all(self) -> Collection[Subscription]:
        """Every subscription; each has an id."""
        return [one for some in self._by_path[_ID].values() for one in _several(some)]

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
                return _several(self._by_path.get(path, {}).get(value))
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


def _places(subscription: Subscription) -> set[Leaf]:
    return {*leaves(subscription.subscriber), (_ID, subscription.id)}


def _several(some: Some | None) -> Collection[Subscription]:
    if some is None:
        return ()
    return some if isinstance(some, dict) else (some,)


def _with(some: Some | None, subscription: Subscription) -> Some:
    if some is None or some is subscription:
        return subscription
    if isinstance(some, dict):
        some[subscription] = None
        return some
    return {some: None, subscription: None}


def _without(some: Some | None, subscription: Subscription) -> Some | None:
    if isinstance(some, dict):
        some.pop(subscription, None)
        return some or None
    return None if some is subscription else some
