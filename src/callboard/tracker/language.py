"""The query language of the official clients: text -> Query, in one pass.

    query      := ["select" path {"," path} "from"] type ["where" condition] {order | limit | offset}
    condition  := term {("and" | "or") term}          `and` binds closer
    term       := "not" term | "(" condition ")" | path test
    test       := operator value | ("in" | "not_in") "(" value {"," value} | query ")"
                | ("has" | "any") "(" [condition] ")"

Total and linear: whatever the text, it is a Query or a BadQuery. Regular expressions lost: nesting,
and messages that point nowhere. docs/tracker.md shows it by example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from callboard.tracker.lexing import Sort, Token, tokens
from callboard.tracker.refusals import BadQuery, Unsupported

LONGEST = 1_000_000
"""Characters of a query."""
MOST_CONDITIONS = 900
"""Comparisons in a query: SQLite's own limit for one expression is 1,000 deep."""
MOST_VALUES = 10_000
"""Values in all lists of a query."""
DEEPEST = 40
"""Parentheses, `not` and inner queries inside each other."""
LONGEST_PATH = 12
"""Names in a path."""


class Step(NamedTuple):
    """One name of a path, and the type it is narrowed to: `ancestors[Shot]`."""

    name: str
    cast: str = ""


Path: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; a value of None is the word `none` or `null`, unquoted."""

    path: Path
    operator: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Within:
    """`path in (...)`: one of some values, or of what another query finds."""

    path: Path
    values: tuple[str, ...] | Query
    negated: bool


@dataclass(frozen=True, slots=True)
class Inner:
    """`path has (...)` and `path any (...)`: there is a related entity that meets a condition."""

    path: Path
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Negation:
    """`not ...`: the opposite, also where a value is missing."""

    child: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """Conditions joined by `and` (every) or `or`."""

    every: bool
    children: tuple[Condition, ...]


Condition: TypeAlias = Comparison | Within | Inner | Negation | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was written; no name in it has been looked up yet."""

    entity: str
    projections: tuple[Path, ...] = ()
    where: Condition | None = None
    order: tuple[tuple[Path, bool], ...] = ()
    """Paths, and whether downwards."""
    limit: int | None = None
    offset: int = 0


OPERATORS = {
    "is": "=",
    "=": "=",
    "is_not": "!=",
    "!=": "!=",
    "like": "like",
    "not_like": "not_like",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "before": "<",
    "after": ">",
}
_DIRECTIONS = {"asc": False, "ascending": False, "desc": True, "descending": True}
_NOTHING = frozenset({"none", "null"})


def parse(text: str) -> Query:
    """Return the query that a text says; raises BadQuery or Unsupported."""
    if len(text) > LONGEST:
        raise BadQuery(f"A query has at most {LONGEST} characters: ask in several.")
    return _Parser(text).whole()


class _Parser:
    """Reads tokens from left to right, never back."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._next = next(self._tokens)
        self._conditions = self._values = self._depth = 0

    def whole(self) -> Query:
        query = self._query()
        if self._next.sort is not Sort.END:
            raise self._fault("the end, `where`, `order by`, `limit` or `offset`")
        return query

    def _take(self) -> Token:
        taken = self._next
        self._next = next(self._tokens, taken)
        return taken

    def _taken(self, *words: str) -> bool:
        """Take the next token if it is one of these words."""
        found = self._next.word in words and self._next.sort is not Sort.END
        if found:
            self._take()
        return found

    def _fault(self, wanted: str) -> BadQuery:
        got = repr(self._next.text[:40]) if self._next.text else self._next.sort.value
        return BadQuery(f"Expected {wanted} at character {self._next.at + 1}, got {got}.")

    def _expect(self, *words: str) -> None:
        if not self._taken(*words):
            raise self._fault(" or ".join(f"`{word}`" for word in words))

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadQuery(f"A query nests at most {DEEPEST} deep: write it flatter.")

    def _query(self) -> Query:
        projections: list[Path] = []
        if self._taken("select"):
            projections.append(self._path())
            while self._taken(","):
                projections.append(self._path())
            self._expect("from")
        entity = self._name("an entity type")
        where = self._condition() if self._taken("where") else None
        order: list[tuple[Path, bool]] = []
        numbers: dict[str, int] = {}
        while (word := self._next.word) in ("order", "sort", "limit", "offset"):
            self._take()
            if word in numbers or (order and word in ("order", "sort")):
                raise BadQuery(f"`{word}` stands in this query twice.")
            if word in ("order", "sort"):
                order = self._order()
            else:
                numbers[word] = self._number()
        return Query(
            entity, tuple(projections), where, tuple(order), numbers.get("limit"), numbers.get("offset", 0)
        )

    def _order(self) -> list[tuple[Path, bool]]:
        self._expect("by")
        found = [self._criterion()]
        while self._taken(","):
            found.append(self._criterion())
        return found

    def _criterion(self) -> tuple[Path, bool]:
        path = self._path()
        down = _DIRECTIONS.get(self._next.word)
        if down is not None:
            self._take()
        return path, bool(down)

    def _number(self) -> int:
        text = self._next.text
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise self._fault("a whole number")
        return int(self._take().text)

    def _name(self, wanted: str) -> str:
        if self._next.sort is not Sort.WORD:
            raise self._fault(wanted)
        return self._take().text

    def _path(self) -> Path:
        at = self._next.at
        parts = self._name("an attribute").split(".")
        if len(parts) > LONGEST_PATH:
            raise BadQuery(
                f"A path has at most {LONGEST_PATH} names: the one at character {at + 1} has more."
            )
        return tuple(_step(part, at) for part in parts)

    def _condition(self) -> Condition:
        found = [self._all()]
        while self._taken("or"):
            found.append(self._all())
        return found[0] if len(found) == 1 else Junction(False, tuple(found))

    def _all(self) -> Condition:
        found = [self._term()]
        while self._taken("and"):
            found.append(self._term())
        return found[0] if len(found) == 1 else Junction(True, tuple(found))

    def _term(self) -> Condition:
        self._deeper()
        found: Condition
        if self._taken("not"):
            found = Negation(self._term())
        elif self._taken("("):
            found = self._condition()
            self._expect(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Condition:
        self._conditions += 1
        if self._conditions > MOST_CONDITIONS:
            raise BadQuery(f"A query has at most {MOST_CONDITIONS} conditions: use `in`, or ask in several.")
        path = self._path()
        if self._taken("in"):
            return Within(path, self._list(), False)
        if self._taken("not_in"):
            return Within(path, self._list(), True)
        if self._taken("has", "any"):
            return Inner(path, self._inner())
        operator = OPERATORS.get(self._next.word)
        if operator is None:
            raise self._unknown()
        self._take()
        return Comparison(path, operator, self._value())

    def _unknown(self) -> BadQuery | Unsupported:
        if self._next.sort is Sort.WORD and self._next.word in ("between", "match", "contains", "startswith"):
            return Unsupported(f"The operator `{self._next.word}` is not there yet.")
        return self._fault("an operator (is, is_not, like, not_like, in, not_in, has, any, <, <=, >, >=)")

    def _inner(self) -> Condition | None:
        self._expect("(")
        if self._taken(")"):
            return None
        found = self._condition()
        self._expect(")")
        return found

    def _list(self) -> tuple[str, ...] | Query:
        self._expect("(")
        found: tuple[str, ...] | Query
        found = self._query() if self._next.word == "select" else self._several()
        self._expect(")")
        return found

    def _several(self) -> tuple[str, ...]:
        found: list[str] = []
        while self._next.word != ")":
            if found:
                self._expect(",")
            value = self._value()
            self._values += 1
            if self._values > MOST_VALUES:
                raise BadQuery(f"A query lists at most {MOST_VALUES} values: ask in several.")
            found.append("" if value is None else value)
        return tuple(found)

    def _value(self) -> str | None:
        if self._next.sort not in (Sort.WORD, Sort.TEXT):
            raise self._fault("a value")
        taken = self._take()
        return None if taken.word in _NOTHING else taken.text


def _step(part: str, at: int) -> Step:
    name, bracket, rest = part.partition("[")
    if not name.isidentifier() or (bracket and not (rest.endswith("]") and rest[:-1].isidentifier())):
        raise BadQuery(f"{part[:80]!r} at character {at + 1} is no name of an attribute.")
    return Step(name, rest[:-1])
