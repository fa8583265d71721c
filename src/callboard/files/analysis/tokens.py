"""The lines of a block of G-code as arrays: the command of each, and its numbers by letter.

    bytes  --translate-->  digits 0..9, signs, letters in upper case, no spaces
           --marks------>  where a letter, a line's end or anything else that ends a number stands
           --words------>  the eight bytes behind a letter as one integer, from which arithmetic on
                           whole arrays makes the number: no loop, no text, no float() for each

An ordinary number has at most eight characters and is exact: digits as one integer, divided by a
power of ten. Longer ones take a second word. NumPy's own parsing of text lost: 150 ns a number, this
takes about 20. A regular expression for each line lost by two orders of magnitude.

As firmwares read it: a number has no exponent (`X1e3` is X 1 and E 3), the last of two equal letters
counts, spaces may be anywhere but inside a number, case makes no difference.

Source: facts/print-host-facts.md 4.4.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]
Words = NDArray[np.uint64]

MOVE: Final = 1
"""The code of G0 and G1."""

_COMMANDS: Final = tuple(b"GMT")
_SIGN, _NEWLINE, _OTHER = 32, 91, 92
_POINT: Final = 16


def code(letter: str, number: int) -> int:
    """Return how a line's command is told in `Lines.codes`: `code("G", 28)`; G0 and G1 are MOVE."""
    return MOVE if letter == "G" and number in {0, 1} else ord(letter) * 1_000_000 + number


def _table() -> bytes:
    table = bytearray([_OTHER] * 256)
    for digit in range(10):
        table[ord("0") + digit] = digit
    for letter in range(26):
        table[ord("A") + letter] = table[ord("a") + letter] = ord("A") + letter
    table[ord(".")], table[ord("-")], table[ord("+")], table[ord("\n")] = _POINT, _SIGN, _SIGN + 1, _NEWLINE
    return bytes(table)


_TABLE: Final = _table()
_SPACES: Final = b" \t\r\v\f"
_COMMENT: Final = re.compile(rb";[^\n]*")
_BRACKETS: Final = re.compile(rb"\([^)\n]*\)?")

U = np.uint64
_EACH: Final = 0x0101010101010101
_POINTS: Final = U(_POINT * _EACH)
_NOT_DIGITS: Final = U(0xF0 * _EACH)
_HEAD: Final = U(0xFEFF)
_PLAIN: Final = U(ord("G"))
"""A line's first bytes, the lowest first: G, then 0 or 1 ..."""
_THIRD: Final = U(0x400000)
"""... and then a letter, a line's end or anything else that is no part of a number."""
_PLACES: Final = U(sum((8 - byte) << (56 - 8 * byte) for byte in range(8)))
"""Times the bit of a point, its top four bits tell how many digits stand behind: one more than those."""
_SCALES: Final = np.array([1.0] + [10.0**digits for digits in range(15)])
_TENS: Final = np.array([10.0**digits for digits in range(23)])
"""Longer than numbers need: what has several points is looked up too, before it is thrown away."""


class Lines:
    """The lines of one block: `count` of them, `codes[i]` the command of line i, -1 where there is none."""

    def __init__(self, text: bytes) -> None:
        text = _uncommented(text).translate(_TABLE, _SPACES)
        self._text = text + bytes([_NEWLINE]) + bytes(8)
        self._bytes = np.frombuffer(self._text, np.uint8)
        self._marks: Indices = np.flatnonzero(self._bytes[: len(text) + 1] >= ord("A"))
        self._kinds = self._bytes[self._marks]
        ends = np.flatnonzero(self._kinds[:-1] == _NEWLINE)
        self.count = len(ends)
        per_line = np.diff(ends, prepend=-1)
        self._line: Indices = np.repeat(np.arange(self.count), per_line)
        self._words = np.ndarray((len(text) + 1,), "<u8", self._text, strides=(1,))
        self._read_codes(ends)

    def numbers(self, letter: str, largest: float) -> tuple[Indices, Floats]:
        """Return the lines in which `letter` has a number, in order, and the numbers.

        What is no number, and what is larger than `largest` either way, is left out.
        """
        found = np.flatnonzero(self._kinds[:-1] == ord(letter))
        values = self._values(self._marks[found] + 1, self._marks[found + 1])
        lines = self._line[found]
        good = np.abs(values) <= largest
        if len(lines) > 1:
            good[:-1] &= lines[1:] != lines[:-1]
        return (lines, values) if good.all() else (lines[good], values[good])

    def having(self, letter: str, lines: Indices) -> Flags:
        """Return for each of `lines`, in order, whether it has `letter`, with a number or without."""
        if not len(lines):
            return np.zeros(0, np.bool_)
        found = self._line[self._kinds[:-1] == ord(letter)]
        at = np.searchsorted(found, lines)
        return np.asarray(np.append(found, -1)[at] == lines)

    def _read_codes(self, ends: Indices) -> None:
        """Set `codes`, `specials` (the lines with any other command than MOVE), and two counts.

        `written`, the lines that are not empty, and `commands`, those with a command.
        """
        starts = np.empty(self.count, np.intp)
        starts[:1], starts[1:] = 0, self._marks[ends[:-1]] + 1
        begun = self._words[starts]
        plain = ((begun & _HEAD) == _PLAIN) & ((begun & _THIRD) != 0)
        others = np.flatnonzero(~plain)
        others = others[self._bytes[starts[others]] != _NEWLINE]
        moved = int(np.count_nonzero(plain))
        self.codes: NDArray[np.int32] = np.where(plain, np.int32(MOVE), np.int32(-1))
        self.written = moved + len(others)
        first = np.where(others > 0, ends[others - 1] + 1, 0)
        others = self._read_others(others, first, starts[others])
        self.commands = moved + len(others)
        self.specials: Indices = others[self.codes[others] != MOVE]

    def _read_others(self, lines: Indices, first: Indices, starts: Indices) -> Indices:
        """Read the commands of the lines whose first mark is `first`; return those that have one."""
        marks, kinds = self._marks, self._kinds
        commanding = marks[first] == starts
        first = first + (kinds[first] == ord("N"))
        kind = kinds[first]
        begin, end = marks[first] + 1, marks[np.minimum(first + 1, len(marks) - 1)]
        commanding &= np.isin(kind, _COMMANDS) & (end > begin) & (end - begin <= 8)
        lines, kind = lines[commanding], kind[commanding].astype(np.int32)
        values = self._values(begin[commanding], end[commanding])
        real = (values >= 0) & (values < 1_000_000)
        lines, number = lines[real], values[real].astype(np.int32)
        codes = kind[real] * np.int32(1_000_000) + number
        self.codes[lines] = np.where((kind[real] == ord("G")) & (number <= 1), MOVE, codes)
        return lines

    def _values(self, begin: Indices, end: Indices) -> Floats:
        """Return the numbers that stand in [begin, end): NaN for none and for what is none."""
        sign = self._bytes[begin]
        begin = begin + ((sign >> np.uint8(5)) == 1)
        length = end - begin
        values = _from_words(_cut_short(self._words[begin], 8 - length), length)
        long = np.flatnonzero(length > 8)
        if len(long):
            values[long] = self._long_values(begin[long], length[long])
        negative = np.flatnonzero(sign == _SIGN)
        values[negative] = -values[negative]
        return values

    def _long_values(self, begin: Indices, length: Indices) -> Floats:
        """Return numbers of more than eight characters; what stands behind the sixteenth is cut off."""
        cut = np.minimum(length, 16)
        low = self._words[begin + cut - 8]
        high = _cut_short(self._words[begin], 16 - cut)
        low, low_point, in_low = _packed(low)
        high, high_point, in_high = _packed(high)
        places = np.where(
            in_low, _places(low_point) - U(1), np.where(in_high, _places(high_point) + U(7), U(0))
        )
        values = (_integer(high) * _TENS[np.where(in_low, 7, 8)] + _integer(low)) / _TENS[places]
        wrong = ((low | high) & _NOT_DIGITS) != 0
        wrong |= (in_low & in_high) | ((length > 16) & ~in_low & ~in_high)
        values[wrong] = np.nan
        return np.asarray(values)


def _uncommented(text: bytes) -> bytes:
    """Take out what stands behind a semicolon, then what stands in brackets."""
    if b";" in text:
        text = _COMMENT.sub(b"", text)
    return _BRACKETS.sub(b"", text) if b"(" in text else text


def _cut_short(words: Words, count: Indices) -> Words:
    """Let the first bytes of words end in the top byte: `count` bytes behind them go."""
    return np.left_shift(words, (count << 3).view(np.uint64))


def _packed(words: Words) -> tuple[Words, Words, Flags]:
    """Take the point out of digits that end in a word's top byte.

    Returns the digits, the point's bit, and whether there is one; of several points, one stays.
    """
    point = words & _POINTS
    has = point != 0
    above = words & (~((point << U(4)) - U(1)))
    below = words & ((point >> U(4)) - U(1))
    above |= below << (has.astype(U) << U(3))
    return above, point, np.asarray(has)


def _places(point: Words) -> Words:
    """Return how many digits stand behind the point, and one more; 0 where there is no point."""
    return (point * _PLACES) >> U(60)


def _integer(words: Words) -> Floats:
    """Return the integer whose eight digits are the bytes of a word, the last in the top byte."""
    pairs = (words * U(10) + (words >> U(8))) & U(0x00FF00FF00FF00FF)
    fours = (pairs * U(100) + (pairs >> U(16))) & U(0x0000FFFF0000FFFF)
    return ((fours * U(10_000) + (fours >> U(32))) & U(0xFFFFFFFF)).astype(np.float64)


def _from_words(words: Words, length: Indices) -> Floats:
    digits, point, has = _packed(words)
    values = _integer(digits) / _SCALES[_places(point)]
    wrong = ((digits & _NOT_DIGITS) != 0) | (length <= has)
    if wrong.any():
        values[wrong] = np.nan
    return np.asarray(values)
