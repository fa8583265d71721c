"""What leaves are looked up by at one place of a document: equal values, prefixes, ranges, presence.

A table is a dict from a key to a bucket; `proposed` gives the buckets of those keys that the
values at that place may satisfy. Several values stand there when the document has a list.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import frexp
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from callboard.expression.literals import number_of, truth_of
from callboard.expression.nodes import Comparison, Path
from callboard.expression.predicates import SCALAR, is_number

B = TypeVar("B")
Values: TypeAlias = Sequence[Any]

LONGEST_PREFIX = 64
"""Characters of a prefix that are looked up; the rest of a longer one is checked."""
_FINEST, _LARGEST = -10, 2.0**62


class Interval(Struct, frozen=True, gc=False):
    """Two conditions on one path that a number meets when it lies between them."""

    low: Comparison
    high: Comparison

    @property
    def path(self) -> Path:
        """Where the number stands."""
        return self.low.path


Access: TypeAlias = Comparison | Interval
"""What a leaf is looked up by."""


class Table(dict[Any, B]):
    """Buckets by key."""

    __slots__ = ()

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the buckets of all keys that one of `values` may satisfy."""
        raise NotImplementedError


class Texts(Table[B]):
    """`path=value`, for texts."""

    __slots__ = ()

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the buckets of the texts among `values`."""
        return [self[text] for text in _texts(values) if text in self]


class Numbers(Table[B]):
    """`path=10`, for numbers."""

    __slots__ = ()

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the buckets of the numbers among `values`."""
        return [self[number] for number in _numbers(values) if number in self]


class Truths(Table[B]):
    """`path=true`, for booleans."""

    __slots__ = ()

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the buckets of the booleans among `values`."""
        return [self[truth] for truth in (True, False) if truth in self and any(v is truth for v in values)]


class Scalars(Table[B]):
    """`path=*`: any text, number or boolean. One bucket."""

    __slots__ = ()

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the bucket if there is a text, number or boolean."""
        return self.values() if any(isinstance(value, SCALAR) for value in values) else ()


class Presence(Table[B]):
    """`path!=value`: there is something at that place. One bucket."""

    __slots__ = ()

    def proposed(self, _: Values, /) -> Iterable[B]:
        """Return the bucket."""
        return self.values()


class Counted(Table[B]):
    """A table that knows how many of its keys share a trait."""

    __slots__ = ("traits",)

    def __init__(self) -> None:
        self.traits: dict[Any, int] = {}

    def trait(self, key: Any) -> Any:
        """Return what `key` is counted under."""
        raise NotImplementedError

    def __setitem__(self, key: Any, bucket: B) -> None:
        if key not in self:
            trait = self.trait(key)
            self.traits[trait] = self.traits.get(trait, 0) + 1
        super().__setitem__(key, bucket)

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        trait = self.trait(key)
        self.traits[trait] -= 1
        if not self.traits[trait]:
            del self.traits[trait]


class Prefixes(Counted[B]):
    """`path=value*`: a lookup for each length that some prefix has."""

    __slots__ = ()

    def trait(self, key: str) -> int:
        """Return the length."""
        return len(key)

    def proposed(self, values: Values, /) -> Iterator[B]:
        """Yield the buckets of the prefixes of the texts among `values`."""
        for text in _texts(values):
            for length in self.traits:
                if length <= len(text) and (bucket := self.get(text[:length])) is not None:
                    yield bucket


class Cells(Counted[B]):
    """Intervals of numbers, each under the one or two cells of a grid as wide as it is long.

    A point lookup for each width in use; sorted bounds would propose all intervals that begin
    before the number, half of all there are.
    """

    __slots__ = ()

    def trait(self, key: tuple[float, float]) -> float:
        """Return the width."""
        return key[0]

    def proposed(self, values: Values, /) -> Iterator[B]:
        """Yield the buckets of the cells of the numbers among `values`."""
        numbers = [float(number) for number in _numbers(values) if -_LARGEST < number < _LARGEST]
        if not numbers:
            return
        low, high = min(numbers), max(numbers)
        for width in self.traits:
            first, last = low // width, high // width
            if first != last:
                yield from self._between(width, first, last)
            elif (bucket := self.get((width, first))) is not None:
                yield bucket

    def _between(self, width: float, first: float, last: float) -> list[B]:
        """Several numbers in a list may meet the two conditions apart: all cells between them count."""
        if last - first < len(self):
            return [self[key] for key in _cells(width, first, last) if key in self]
        return [bucket for (size, cell), bucket in self.items() if size == width and first <= cell <= last]


class Bounds(Table[B]):
    """Ranges with one end, sorted by it: exactly those that a value lies in are proposed.

    Keys are (bound, strictness); strictness orders `>=5` before `>5`, and `<5` before `<=5`.
    """

    __slots__ = ("order", "pick", "side")

    def __init__(self, side: str, pick: Callable[[Values], Sequence[Any]]) -> None:
        self.side = side
        self.pick = pick
        self.order: list[tuple[Any, int]] = []

    def __setitem__(self, key: tuple[Any, int], bucket: B) -> None:
        if key not in self:
            insort(self.order, key)
        super().__setitem__(key, bucket)

    def __delitem__(self, key: tuple[Any, int]) -> None:
        super().__delitem__(key)
        del self.order[bisect_left(self.order, key)]

    def proposed(self, values: Values, /) -> Iterable[B]:
        """Return the buckets of the bounds that the greatest or the least of `values` lies beyond."""
        candidates = self.pick(values)
        if not candidates:
            return ()
        if self.side == ">":
            keys = self.order[: bisect_right(self.order, (max(candidates), 0))]
        else:
            keys = self.order[bisect_left(self.order, (min(candidates), 1)) :]
        return map(self.__getitem__, keys)


def _texts(values: Values) -> Sequence[str]:
    if len(values) == 1:
        return values if isinstance(values[0], str) else ()
    return list({value for value in values if isinstance(value, str)})


def _numbers(values: Values) -> Sequence[Any]:
    if len(values) == 1:
        return values if is_number(values[0]) else ()
    return list({value for value in values if is_number(value)})


_MAKERS: Mapping[str, Callable[[], Table[Any]]] = {
    "text": Texts,
    "number": Numbers,
    "truth": Truths,
    "prefix": Prefixes,
    "scalar": Scalars,
    "presence": Presence,
    "cell": Cells,
    "text >": lambda: Bounds(">", _texts),
    "text <": lambda: Bounds("<", _texts),
    "number >": lambda: Bounds(">", _numbers),
    "number <": lambda: Bounds("<", _numbers),
}


def new_table(kind: str) -> Table[Any]:
    """Return an empty table for one of the kinds that `keys` gives."""
    return _MAKERS[kind]()


def places(accesses: Iterable[Access]) -> Iterable[tuple[Path, str, Any]]:
    """Return each (path, kind of table, key) once under which `accesses` stand."""
    return dict.fromkeys((access.path, kind, key) for access in accesses for kind, key in keys(access))


def keys(access: Access) -> list[tuple[str, Any]]:
    """Return the (kind of table, key) pairs under which `access` stands; always the same for the same."""
    if isinstance(access, Interval):
        return _cell_keys(access)
    number, truth = number_of(access), truth_of(access)
    if access.operator == "!=":
        return [("presence", None)]
    if access.operator != "=":
        return _bound_keys(access, number)
    if access.prefix:
        return [("scalar", None)] if access.typed else [("prefix", access.value[:LONGEST_PREFIX])]
    found: list[tuple[str, Any]] = [("text", access.value)]
    found += [("number", number)] if number is not None else []
    return found + ([("truth", truth)] if truth is not None else [])


def interval(low: Comparison, high: Comparison) -> Interval | None:
    """Return the interval that `path>low` and `path<high` make, if both mean numbers of a usual size."""
    bounds = number_of(low), number_of(high)
    if any(bound is None or abs(bound) >= _LARGEST for bound in bounds):
        return None
    return Interval(low, high)


def _bound_keys(access: Comparison, number: float | None) -> list[tuple[str, Any]]:
    side = access.operator[0]
    strict = len(access.operator) == 1
    strictness = int(strict if side == ">" else not strict)
    found: list[tuple[str, Any]] = [(f"text {side}", (access.value, strictness))]
    return found + ([(f"number {side}", (number, strictness))] if number is not None else [])


def _cell_keys(access: Interval) -> list[tuple[str, Any]]:
    """The cells are for numbers; a text between two texts is looked up by the lower one."""
    low, high = float(number_of(access.low) or 0), float(number_of(access.high) or 0)
    high = max(low, high)
    width = 2.0 ** max(frexp(high - low)[1], _FINEST)
    cells: list[tuple[str, Any]] = [("cell", key) for key in _cells(width, low // width, high // width)]
    return cells + _bound_keys(access.low, None)


def _cells(width: float, first: float, last: float) -> list[tuple[float, float]]:
    """Widths are powers of two, so that dividing by them and counting in them is exact."""
    return [(width, first + cell) for cell in range(int(last - first) + 1)]
