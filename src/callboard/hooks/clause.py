"""Which clause of an expression fails on an event, and what the event has there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callboard.expression import And, Comparison, Expression, Node, Not, Or


def failing(expression: Expression, document: Mapping[str, Any]) -> str:
    """Return the clause that keeps `document` from matching, with the value found there."""
    node = expression.node
    for _ in range(64):
        if not isinstance(node, And):
            break
        node = next((child for child in node.children if not _holds(child, document)), node.children[0])
    return _told(node, document)


def _holds(node: Node, document: Mapping[str, Any]) -> bool:
    return Expression("", node).matches(document)


def _told(node: Node, document: Mapping[str, Any]) -> str:
    match node:
        case Comparison():
            return f"{written(node)} ({_found(node.path, document)})"
        case Or():
            return " and ".join(_told(child, document) for child in node.children[:4])
        case Not(child=Comparison() as child):
            return f"not {written(child)} ({_found(child.path, document)})"
        case _:
            return written(node)


def written(node: Node, depth: int = 0) -> str:
    """Return a node as one would write it, cut where it nests deep."""
    if depth > 4:
        return "..."
    match node:
        case Comparison():
            value = f"{node.value}*" if node.prefix else node.value
            plain = node.typed or (value.isascii() and value.replace(".", "").replace("*", "").isalnum())
            return f"{'.'.join(node.path)}{node.operator}{value if plain else repr(value)}"
        case Not():
            return f"not ({written(node.child, depth + 1)})"
        case And() | Or():
            word = " and " if isinstance(node, And) else " or "
            return "(" + word.join(written(child, depth + 1) for child in node.children[:8]) + ")"
        case _:
            return "everything"


def _found(path: tuple[str, ...], document: Mapping[str, Any]) -> str:
    name = ".".join(path)
    value: Any = document
    for step in path:
        if isinstance(value, list):
            return f"{name} is one of several"
        try:
            value = value[step]
        except (KeyError, TypeError, IndexError):
            return f"the event has no {name}"
    if isinstance(value, dict | list):
        return f"{name} is a {'map' if isinstance(value, dict) else 'list'}"
    return f"{name} is {str(value)[:60]!r}" if isinstance(value, str) else f"{name} is {value}"
