"""The sieve: which stored events can't match, told from their JSON text without decoding it.

Looking back reads a hundred thousand events to find ten. Where an expression asks for a text in `data`
or `source` (`data.shot=sh010`), an event whose JSON does not hold these letters is out: looking for them
costs a tenth of decoding. The sieve only lets out, the expression decides what stays.
"""

from __future__ import annotations

from collections.abc import Callable

from callboard.event import Envelope
from callboard.expression import And, Comparison, Expression, Node

Sieve = Callable[[Envelope], bool]


def sieve_of(expression: Expression) -> Sieve | None:
    """Return what is false only for envelopes that can't match; None where the text tells nothing."""
    node: Node = expression.node
    parts = node.children if isinstance(node, And) else (node,)
    sieves = [sieve for part in parts if (sieve := _sieve(part)) is not None]
    return max(sieves, key=_rarity)[1] if sieves else None


def _rarity(sieve: tuple[int, Sieve]) -> int:
    """A longer text is likely to be rarer."""
    return sieve[0]


def _sieve(part: Node) -> tuple[int, Sieve] | None:
    match part:
        # Numbers and booleans are written in more than one way (5, 5.0, 5e0): only texts will do.
        case Comparison(path=("data", *_), operator="=", value=value, typed=False) if value:
            needle = value.encode("utf-8", "surrogatepass")
            return len(needle), lambda envelope: _holds(bytes(envelope.data), needle)
        case Comparison(path=("source", *_), operator="=", value=value, typed=False) if value:
            needle = value.encode("utf-8", "surrogatepass")
            return len(needle), lambda envelope: _holds(bytes(envelope.source), needle)
        case _:
            return None


def _holds(text: bytes, needle: bytes) -> bool:
    """Return whether JSON may hold a text: as it is, or written with escapes, which all have a backslash."""
    return needle in text or b"\\" in text
