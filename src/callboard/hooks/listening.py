"""Which hooks listen to which topics: found by a lookup, in the order of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from callboard.expression import quote
from callboard.hooks.model import Hook, Selection

_LONGEST: Final = 32 * 1024
"""Characters of one subscription's expression; beyond that the room listens to everything."""


class Listening:
    """Finds the hooks that an event is for, and those whose `unless` it is."""

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._runs = _Index((at, hook, hook.selection) for at, hook in enumerate(hooks))
        self._cancels = _Index(
            (at, hook, hook.policy.unless) for at, hook in enumerate(hooks) if hook.policy.unless is not None
        )

    def hooks(self, document: Mapping[str, Any]) -> list[Hook]:
        """Return the hooks that the event is for."""
        return self._runs.find(document)

    def cancelled(self, document: Mapping[str, Any]) -> list[Hook]:
        """Return the hooks whose waiting runs the event cancels."""
        return self._cancels.find(document)


class _Index:
    def __init__(self, selections: Iterable[tuple[int, Hook, Selection]]) -> None:
        self._by_topic: dict[str, list[tuple[int, Hook]]] = {}
        self._by_expression: list[tuple[int, Hook]] = []
        self._selections: dict[int, Selection] = {}
        for at, hook, selection in selections:
            for topic in selection.topics:
                self._by_topic.setdefault(topic, []).append((at, hook))
            if selection.expressions:
                self._by_expression.append((at, hook))
                self._selections[at] = selection

    def find(self, document: Mapping[str, Any]) -> list[Hook]:
        found = self._by_topic.get(document["topic"], [])
        if self._by_expression:
            more = {at: hook for at, hook in self._by_expression if self._selections[at].matches(document)}
            if more:
                return [hook for _, hook in sorted({**dict(found), **more}.items())]
        return [hook for _, hook in found]


def subscription(hooks: Sequence[Hook], topics: Iterable[str]) -> str:
    """Return one expression for all that `hooks` wait for, and for `topics`."""
    selections = [hook.selection for hook in hooks]
    selections += [hook.policy.unless for hook in hooks if hook.policy.unless is not None]
    wanted = {*topics, *(topic for one in selections for topic in one.topics)}
    terms = [f"topic={quote(topic)}" for topic in sorted(wanted)]
    terms += sorted({f"({expression.text})" for one in selections for expression in one.expressions})
    text = " or ".join(terms)
    return text if len(text) <= _LONGEST else ""
