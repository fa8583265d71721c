"""JSON text that every client can read: what is refused, and what is mended so that nothing is lost.

msgspec skips over the values that nobody asks for, and checks their syntax, escapes and surrogates
as it goes. What it does not see is left to `fit`: nesting, keys and numbers of absurd size. What
it refuses although official clients send it (NaN, lone surrogates) is left to `mend`.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from callboard.errors import BadEvent

MAX_DEPTH = 100
"""How deep lists and objects may nest."""
MAX_KEY = 64 * 1024
"""Bytes a key may have."""
MAX_DIGITS = 4300
"""Digits in a row that a number may have: Python's own limit. A longer one ends the receiving thread
of the official Python client, silently."""

_CHUNK = MAX_KEY // 2
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = bytes(code if code in b"0123456789" else 32 for code in range(256))
_STRIDE = 512
_DIGITS_ALL_ALONG = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS // _STRIDE))
_SURROGATE = re.compile("[\ud800-\udfff]")


def small(text: bytes) -> bool:
    """Return whether `text` is too short and too flat to hold anything that `fit` refuses."""
    return len(text) <= MAX_DIGITS and text.count(b"{") + text.count(b"[") <= MAX_DEPTH


def fit(text: bytes) -> None:
    """Raise BadEvent if `text`, well-formed JSON, is more than a client can be expected to read.

    Linear in time. A full decode lost: it needs twenty times the memory of a hostile text.
    """
    if small(text):
        return
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = _outside(bare)
    if _longest_number(outside) > MAX_DIGITS:
        raise BadEvent(f"This event has a number of more than {MAX_DIGITS} digits.")
    if not _shallow(outside.translate(None, _NO_BRACKETS)):
        raise BadEvent(f"This event is nested deeper than {MAX_DEPTH} levels.")


def _outside(bare: bytes) -> bytes:
    """Return what stands outside of strings; raises BadEvent for a key over MAX_KEY.

    In chunks: splitting the whole of a hostile text would make millions of pieces at once.
    """
    kept, inside = [], False
    for start in range(0, len(bare), _CHUNK):
        pieces = bare[start : start + _CHUNK].split(b'"')
        kept.append(b"".join(pieces[inside::2]))
        if inside and len(pieces) == 1:
            _check_key(bare, start)
        inside ^= len(pieces) % 2 == 0
    return b"".join(kept)


def _check_key(bare: bytes, within: int) -> None:
    """Refuse the string around `within` if it is a key and too long."""
    begin, end = bare.rfind(b'"', 0, within) + 1, bare.find(b'"', within)
    if end - begin > MAX_KEY and bare[end + 1 : end + 100].lstrip().startswith(b":"):
        raise BadEvent(f"This event has a key of more than {MAX_KEY} bytes.")


def _longest_number(outside: bytes) -> int:
    # A run of that many digits shows in a sample; looking at each number would cost more than all else.
    if not _DIGITS_ALL_ALONG.search(outside[::_STRIDE]):
        return 0
    return max(map(len, outside.translate(_DIGITS).split()), default=0)


def _shallow(brackets: bytes) -> bool:
    """Return whether brackets nest at most MAX_DEPTH deep, by taking away the innermost again and again."""
    for _ in range(MAX_DEPTH):
        if not brackets:
            return True
        rest = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(rest) == len(brackets):
            return False
        brackets = rest
    return not brackets


def mend(text: bytes) -> bytes:
    """Return `text` as strict JSON: NaN and infinities become null, lone surrogates U+FFFD.

    Official Python clients write NaN, official JavaScript clients lone surrogates; a refusal would
    lose the event for a value that nobody looks at. Raises ValueError for what is no JSON even so,
    RecursionError for what nests too deep.
    """
    value = json.loads(text, parse_constant=lambda _: None)
    return msgspec.json.encode(without_surrogates(value, MAX_DEPTH + 3))


def without_surrogates(value: Any, depth: int = MAX_DEPTH) -> Any:
    """Return plain `value` with U+FFFD for each lone surrogate; RecursionError below `depth` levels."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth <= 0:
        raise RecursionError
    if isinstance(value, dict):
        return {_key(key): without_surrogates(each, depth - 1) for key, each in value.items()}
    return [without_surrogates(each, depth - 1) for each in value]


def _key(key: Any) -> Any:
    return _SURROGATE.sub("\ufffd", key) if isinstance(key, str) else key
