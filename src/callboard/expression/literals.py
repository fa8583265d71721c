"""What a value in an expression can mean: text always, and without quotes a number or a boolean too."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from callboard.expression.nodes import Comparison, Operator, Path

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_TRUTHS = {"true": True, "True": True, "false": False, "False": False}
_TIME = ("entry", "time")
_LONGEST_TIME = 40
_SHORT = 128


def comparison(key: str, operator: Operator, literal: str, quoted: bool) -> Comparison:
    """Return the condition that `key operator literal` writes, the literal without its quotes.

    Short ones that come again and again (`topic=ftrack.update`) are one object.
    """
    short = len(key) + len(literal) <= _SHORT
    return (_shared if short else _comparison)(key, operator, literal, quoted)


def _comparison(key: str, operator: Operator, literal: str, quoted: bool) -> Comparison:
    path = path_of(key)
    prefix = operator in ("=", "!=") and literal.endswith("*")
    value = literal[:-1] if prefix else literal
    return Comparison(path, operator, value, _is_typed(path, operator, value, quoted, prefix), prefix)


_shared = lru_cache(maxsize=4096)(_comparison)


def path_of(key: str) -> Path:
    """Return the parts of a key; equal short keys share one tuple."""
    return (_shared_path if len(key) <= _SHORT else _split)(key)


def _split(key: str) -> Path:
    return tuple(key.split("."))


_shared_path = lru_cache(maxsize=1024)(_split)


def number_of(condition: Comparison) -> int | float | None:
    """Return the JSON number that the value of `condition` also means, or None."""
    if not condition.typed:
        return None
    number = read_number(condition.value)
    return moment(condition.value) if number is None and condition.path == _TIME else number


def truth_of(condition: Comparison) -> bool | None:
    """Return the JSON boolean that the value of `condition` also means, or None."""
    return _TRUTHS.get(condition.value) if condition.typed else None


def read_number(text: str) -> int | float | None:
    """Return the number that `text` spells in JSON's own grammar, or None."""
    if _NUMBER.match(text) is None:
        return None
    try:
        return int(text)
    except ValueError:  # a fraction, an exponent, or more digits than Python reads
        return float(text)


def moment(text: str) -> float | None:
    """Return the seconds since 1970 of an ISO 8601 time (UTC unless it says otherwise), or None."""
    if text[4:5] != "-" or len(text) > _LONGEST_TIME:  # 20240501 is a number of seconds
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        return None


def _is_typed(path: Path, operator: Operator, value: str, quoted: bool, prefix: bool) -> bool:
    if prefix:
        return not quoted and not value
    if path == _TIME and moment(value) is not None:
        return True
    if quoted:
        return False
    return read_number(value) is not None or (operator in ("=", "!=") and value in _TRUTHS)
