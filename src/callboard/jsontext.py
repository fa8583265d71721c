"""JSON text that every client can read: what is refused, and what is mended so that nothing is lost.

msgspec skips over the values that nobody asks for, and checks their syntax, escapes and surrogates
as it goes. What it does not see is left to `fit`: nesting, keys and numbers of absurd size. What
it refuses although official clients send it (NaN, lone surrogates) is left to `mend`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import accumulate, count
from operator import sub
from typing import Any

import msgspec

from callboard.errors import BadEvent

MAX_DEPTH = 100
"""How deep lists and objects may nest."""
MAX_CONTAINERS = 500_000
"""Lists and objects that an event may hold."""
MAX_KEY = 64 * 1024
"""Bytes a key may have."""
MAX_DIGITS = 4300
"""Digits in a row that a number may have: Python's own limit. A longer one ends the receiving thread
of the official Python client, silently."""

_PARTS = b'[]{}"'
_NO_PARTS = bytes(set(range(256)) - set(_PARTS))
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_RISE = bytes.maketrans(b"[]", b"\2\0")
_STRIDE = 512
_DIGITS_ALL_ALONG = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS // _STRIDE))
_COLON = re.compile(rb"\s*:")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_FREE = frozenset((int, float, bool, type(None)))
_SURROGATE = re.compile("[\ud800-\udfff]")


def small(text: bytes) -> bool:
    """Return whether `text` is too short and too flat to hold anything that `fit` refuses."""
    size = len(text)
    return size <= 2 * MAX_DEPTH or (size <= MAX_DIGITS and text.count(b"{") + text.count(b"[") <= MAX_DEPTH)


def fit(text: bytes) -> None:
    """Raise BadEvent if `text`, well-formed JSON, is more than a client can be expected to read.

    Linear in time, without decoding: that takes longer, and twenty times the memory of a hostile text.
    """
    if small(text):
        return
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text
    brackets = _brackets(bare)
    if len(brackets) > 2 * MAX_CONTAINERS:
        raise BadEvent(f"This event holds more than {MAX_CONTAINERS} lists and objects: send a file instead.")
    if _depth(brackets) > MAX_DEPTH:
        raise BadEvent(f"This event is nested deeper than {MAX_DEPTH} levels.")
    if _has_long_key(bare):
        raise BadEvent(f"This event has a key of more than {MAX_KEY} bytes.")
    if _DIGITS_ALL_ALONG.search(text[::_STRIDE]):
        _check_numbers(text)


def _brackets(bare: bytes) -> bytes:
    """Return the brackets outside of strings, as one kind.

    What is inside is known by the number of quotes before it, odd or even. Taking neighbouring
    quotes away in pairs leaves that as it is, and leaves only strings that hold brackets.
    """
    parts = bare.translate(_ONE_KIND, _NO_PARTS).replace(b'""', b"")
    return b"".join(parts.split(b'"')[::2])


def _depth(brackets: bytes) -> int:
    """Return how deep balanced `brackets` nest."""
    for depth in range(8):
        if not brackets:
            return depth
        brackets = brackets.replace(b"[]", b"")
    # Deeper than anybody's event: a sum over what is left, since 100 rounds over 8 MB take seconds.
    return 8 + max(map(sub, accumulate(brackets.translate(_RISE)), count(1)), default=0)


def _has_long_key(bare: bytes) -> bool:
    seen, inside = 0, False
    for begin, end in _gaps(bare):
        inside ^= bare.count(b'"', seen, begin) % 2 == 1
        seen = begin
        if inside and _COLON.match(bare, end + 1):
            return True
    return False


def _gaps(bare: bytes) -> Iterator[tuple[int, int]]:
    """Yield the stretches without a quote that are longer than MAX_KEY, by looking at few bytes."""
    begin = 0
    while begin + MAX_KEY < len(bare):
        quote = bare.rfind(b'"', begin, begin + MAX_KEY + 1)
        if quote < 0:
            quote = bare.find(b'"', begin + MAX_KEY)
            if quote < 0:
                return
            yield begin, quote
        begin = quote + 1


def _check_numbers(text: bytes) -> None:
    # Asked only when every 512th byte is a digit for long enough: most likely digits in a string.
    try:
        json.loads(text.decode())
    except ValueError:
        raise BadEvent(f"This event has a number of more than {MAX_DIGITS} digits.") from None


def mend(text: bytes) -> bytes:
    """Return `text` as strict JSON: NaN and infinities become null, lone surrogates U+FFFD.

    Official Python clients write NaN, official JavaScript clients lone surrogates; a refusal would
    lose the event for a value that nobody looks at. Raises ValueError for what is no JSON even so,
    RecursionError for what nests too deep.
    """
    if text.count(b"{") + text.count(b"[") > MAX_CONTAINERS:
        raise ValueError(f"more than {MAX_CONTAINERS} lists and objects")
    value = json.loads(text.decode(), parse_constant=lambda _: None)
    return msgspec.json.encode(without_surrogates(value) if _ESCAPED_SURROGATE.search(text) else value)


def without_surrogates(value: Any, depth: int = MAX_DEPTH + 3) -> Any:
    """Return plain `value` with U+FFFD for each lone surrogate; RecursionError below `depth` levels."""
    kind = type(value)
    if kind is str:
        return _SURROGATE.sub("\ufffd", value)
    if kind not in (dict, list, tuple):
        return value
    if depth <= 0:
        raise RecursionError
    if kind is dict:
        return {without_surrogates(key): without_surrogates(each, depth - 1) for key, each in value.items()}
    return [each if type(each) in _FREE else without_surrogates(each, depth - 1) for each in value]
