"""Which selections an action fits: a type, an expression on each entity, or a function that knows.

discover="task"      discover=("shot", "task")     discover='entityType=task and ...'     discover=function
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from callboard.errors import CallboardError
from callboard.expression import Expression, parse
from callboard.studio.launch import TYPED_CONTEXTS, Asked, Selected, plain_type

Fit = bool | Iterable[Mapping[str, Any]] | None
Fits = Callable[[Asked], Fit | Awaitable[Fit]]
"""Says whether an action fits, or gives one mapping for each item to offer."""
Discover = str | Collection[str] | Fits | None


class BadSelector(CallboardError):
    """This says of no selection whether it fits: name a type, an expression or a function."""


def fitting(discover: Discover) -> Fits:
    """Return the function that `discover` means; raises BadSelector or BadExpression."""
    if discover is None:
        return _always
    if callable(discover):
        return discover
    if isinstance(discover, str) and any(sign in discover for sign in "=<>"):
        return _each(parse(discover))
    types = frozenset(map(_type, [discover] if isinstance(discover, str) else discover))
    if not types:
        raise BadSelector("discover names no type: leave it out for an action that always fits.")
    return lambda asked: bool(asked.selection) and all(one.type in types for one in asked.selection)


def _always(_asked: Asked) -> bool:
    return True


def _each(expression: Expression) -> Fits:
    return lambda asked: (
        bool(asked.selection) and all(expression.matches(_document(one)) for one in asked.selection)
    )


def _document(one: Selected) -> dict[str, Any]:
    """Return an entity as expressions see it: its keys as they came, the type in its plain form."""
    return {**one.raw, "entityType": one.type}


def _type(name: str) -> str:
    plain = plain_type(name)
    if plain in TYPED_CONTEXTS:
        raise BadSelector(
            f'A {name} is selected as "task", as all of its kind are: write discover="task", or a function '
            "that looks it up."
        )
    return plain
