"""Expressions: the one language of subscriptions, targets, permissions, hooks and history."""

from callboard.errors import BadExpression
from callboard.expression.expression import (
    EVERYTHING,
    Expression,
    both,
    either,
    equals,
    parse,
    parse_target,
    quote,
)
from callboard.expression.nodes import And, Comparison, Everything, Node, Not, Or

__all__ = [
    "EVERYTHING",
    "And",
    "BadExpression",
    "Comparison",
    "Everything",
    "Expression",
    "Node",
    "Not",
    "Or",
    "both",
    "either",
    "equals",
    "parse",
    "parse_target",
    "quote",
]
