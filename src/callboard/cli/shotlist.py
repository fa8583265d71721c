"""A shot list as people keep it: CSV of any spreadsheet, or JSON -> rows, each with where it stands.

    project, folder, episode, sequence, shot, asset build, milestone, task   where; the last one is meant
    type, status, priority, assignee, description, bid, start, end           what
    anything else                                                            a custom attribute, by its key

Columns are found by name, whatever their order; case, `_` and `-` make no difference. An empty cell says
nothing. Total and linear; the bounds are below. Raises BadList with every fault and its place.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from callboard.errors import CallboardError

Cell: TypeAlias = str | float | bool | list[str]

LARGEST = 64 << 20
"""Bytes of a list."""
MOST_ROWS = 100_000
MOST_COLUMNS = 200
LONGEST_CELL = 100_000
"""Characters of a text in JSON; those of CSV have a bound of their own."""
_SHOWN = 20
"""Faults that are told one by one."""

KINDS: Mapping[str, str] = {
    "project": "Project",
    "folder": "Folder",
    "episode": "Episode",
    "sequence": "Sequence",
    "shot": "Shot",
    "asset build": "AssetBuild",
    "milestone": "Milestone",
    "task": "Task",
}
"""Columns that say where something is, from the top down, and the types of what stands in them."""
VALUES = ("type", "status", "priority", "assignee", "description", "bid", "start", "end")
_ALIKE: Mapping[str, str] = {
    "show": "project",
    "seq": "sequence",
    "asset": "asset build",
    "assetbuild": "asset build",
    "assignees": "assignee",
    "assigned": "assignee",
    "assigned to": "assignee",
    "artist": "assignee",
    "start date": "start",
    "end date": "end",
    "due": "end",
    "due date": "end",
    "task type": "type",
}
_EMPTY = "{} has no rows: the first line names columns, the others are what there is."
_DELIMITERS = (",", ";", "\t")
_SEPARATOR = re.compile(r"sep=([,;|:\t])\s*", re.IGNORECASE)
"""The first line of some lists, which tells Excel what stands between cells."""
_UNCLOSED = "a quote is opened in this row and never closed: close it, or write two for one that is meant."
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class BadList(CallboardError):
    """This shot list can't be imported: correct it and import it again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place."""

    place: str
    column: str
    said: str

    def __str__(self) -> str:
        return f"{self.place}, {self.column}: {self.said}" if self.column else f"{self.place}: {self.said}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, and its cells by column; empty ones are left out."""

    place: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class ShotList:
    """The rows of a list, and its columns that are no word of ours."""

    rows: tuple[Row, ...]
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Faults:
    """Gathers faults, so that all of them are told at once."""

    name: str
    found: list[Fault] = field(default_factory=list)

    def add(self, place: str, column: str, said: str) -> None:
        """Note a fault."""
        self.found.append(Fault(place, column, said))

    def check(self) -> None:
        """Raise BadList with what was found, if anything was."""
        if not self.found:
            return
        told = [f"  {fault}" for fault in self.found[:_SHOWN]]
        if len(self.found) > _SHOWN:
            told.append(f"  and {len(self.found) - _SHOWN} more")
        count = "one fault" if len(self.found) == 1 else f"{len(self.found)} faults"
        raise BadList("\n".join([f"{self.name} can't be imported, nothing was written: {count}.", *told]))


def near(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest known one, or nothing."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name[:80].lower(), list(by_lower), 1, 0.6)
    return f": did you mean {by_lower[found[0]]!r}?" if found else "."


def read(name: str, data: bytes) -> ShotList:
    """Return the rows of a file, CSV or JSON by what it begins with; raises BadList."""
    if len(data) > LARGEST:
        raise BadList(f"{name} has more than {LARGEST >> 20} MiB: split it.")
    text = _text(name, data)
    if not text.strip():
        raise BadList(_EMPTY.format(name))
    faults = Faults(name)
    found = _json(faults, text) if text.lstrip()[:1] in ("[", "{") else _csv(faults, text)
    faults.check()
    if not found.rows:
        raise BadList(_EMPTY.format(name))
    return found


def _text(name: str, data: bytes) -> str:
    encoding = next((each for mark, each in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadList(f"{name}, line {line}: this is no UTF-8; save the list as UTF-8.") from None


def _csv(faults: Faults, text: str) -> ShotList:
    first = text.split("\n", 1)[0]
    said = _SEPARATOR.fullmatch(first)
    delimiter = said[1] if said else max(_DELIMITERS, key=first.count)
    lines = _lines(faults, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    if said:
        next(lines, None)
    place, head = next(lines, ("line 1", []))
    columns = _columns(faults, place, head)
    rows = tuple(_rows(faults, columns, lines))
    return ShotList(rows, _others(columns))


def _lines(faults: Faults, reader: Any) -> Iterator[tuple[str, list[str]]]:
    """Yield each row with the line on which it begins."""
    while True:
        place = f"line {reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            ends = "end of data" in str(error)
            faults.add(place, "", _UNCLOSED if ends else f"this is no CSV: {error}.")
            return
        if cells is None:
            return
        yield place, cells


def _columns(faults: Faults, place: str, head: Sequence[str]) -> list[str]:
    """Return the columns by our names for them."""
    if len(head) > MOST_COLUMNS:
        faults.add(place, "", f"there are more than {MOST_COLUMNS} columns.")
        return []
    columns = [column_of(each) for each in head]
    for each in sorted({each for each in columns if each and columns.count(each) > 1}):
        faults.add(place, each, "there are two columns of that name.")
    if not set(columns) & KINDS.keys():
        faults.add(place, "", f"no column says where: name one of {', '.join(KINDS)}.")
    return columns


def column_of(name: str) -> str:
    """Return our name for a column, else the name as it stands."""
    plain = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
    known = _ALIKE.get(plain, plain)
    return known if known in KINDS or known in VALUES else name.strip()


def _others(columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in columns if each and each not in KINDS and each not in VALUES))


def _rows(
    faults: Faults, columns: Sequence[str], lines: Iterable[tuple[str, Sequence[str]]]
) -> Iterator[Row]:
    for number, (place, cells) in enumerate(lines):
        if number >= MOST_ROWS:
            faults.add(place, "", f"there are more than {MOST_ROWS} rows: split the list.")
            return
        found: dict[str, Cell] = {}
        for index, cell in enumerate(cells):
            value = cell.strip()
            if value and index >= len(columns):
                faults.add(place, "", f"there are {len(cells)} cells and {len(columns)} columns.")
                break
            if value and columns[index]:
                found[columns[index]] = value
            elif value:
                faults.add(place, f"column {index + 1}", "the first line has no name for it.")
        if found:
            yield Row(place, found)


def _json(faults: Faults, text: str) -> ShotList:
    try:
        items = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        faults.add("it", "", f"is no JSON: {error}.")
        return ShotList(())
    if not isinstance(items, list) or len(items) > MOST_ROWS:
        faults.add("it", "", f"is no list of at most {MOST_ROWS} objects, one for each row.")
        return ShotList(())
    rows = tuple(_items(faults, items))
    return ShotList(rows, _others(column for row in rows for column in row.cells))


def _items(faults: Faults, items: Sequence[Any]) -> Iterator[Row]:
    for number, item in enumerate(items, 1):
        place = f"item {number}"
        if not isinstance(item, dict):
            faults.add(place, "", "this is no object.")
            continue
        found: dict[str, Cell] = {}
        for name, value in item.items():
            cell = _cell(value)
            if cell is None and value not in (None, "", []):
                faults.add(place, name[:80], "takes text, a number, true, false, or a list of texts.")
            elif cell is not None:
                found[column_of(name)] = cell
        if found:
            yield Row(place, found)


def _cell(value: Any) -> Cell | None:
    """Return a value of JSON as a cell; None for what is empty, and for what is none."""
    match value:
        case str():
            return value.strip()[:LONGEST_CELL] or None
        case bool():
            return value
        case int() | float():
            return float(value) if abs(value) < 1e15 else None
        case list() if value and all(isinstance(each, str) for each in value):
            return [each.strip() for each in value]
        case _:
            return None
