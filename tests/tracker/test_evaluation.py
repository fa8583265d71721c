"""Any query finds what a plain reading of it finds: the same rows, looked at one by one in Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from callboard.tracker.entities import MODEL
from callboard.tracker.language import parse
from callboard.tracker.ledger import Ledger
from callboard.tracker.operations import Operations
from callboard.tracker.seeding import fixed_id, seed
from callboard.tracker.selecting import Selection
from callboard.tracker.tables import tables_of
from callboard.tracker.values import now

TABLES = tables_of(MODEL)
NAMES = ("a", "A", "ab", "b", 'it\'s "so"', "50%_\\", "none", "ünï")
TEXTS = (None, "", *NAMES)
NUMBERS = (None, -1.0, 0.0, 1.5, 3.0)
STATUSES = ("Not started", "In progress", "Approved")


@dataclass(eq=False)
class Thing:
    """One entity, as the naive evaluation sees it."""

    kind: str
    values: dict[str, Any]
    one: dict[str, Thing | None] = field(default_factory=dict)
    many: dict[str, list[Thing]] = field(default_factory=dict)


Check = Callable[[Thing], bool]


def grown() -> list[Thing]:
    """Return the contexts of a small production, with every value somewhere."""
    states = {name: Thing("Status", {"name": name}) for name in STATUSES}
    contexts: list[Thing] = []

    def add(kind: str, above: Thing | None, number: int) -> Thing:
        made = Thing(
            kind,
            {
                "id": f"{kind}{number}",
                "name": NAMES[number % len(NAMES)] if above is not None else "p",
                "description": TEXTS[(number * 7) % len(TEXTS)] if above is not None else None,
                "bid": NUMBERS[(number * 3) % len(NUMBERS)] if above is not None else None,
            },
        )
        made.one = {
            "parent": above,
            "status": states[STATUSES[number % 3]] if above is not None else None,
        }
        made.many = {"children": [], "ancestors": [], "descendants": []}
        if above is not None:
            above.many["children"].append(made)
            typed = [above] if above.kind != "Project" else []
            made.many["ancestors"] = [*above.many["ancestors"], *typed]
            for each in (contexts[0], *made.many["ancestors"]):
                each.many["descendants"].append(made)
        contexts.append(made)
        return made

    project = add("Project", None, 0)
    for sequence in range(2):
        top = add("Sequence", project, sequence)
        for shot in range(4):
            middle = add("Shot", top, sequence * 4 + shot)
            for task in range(shot):
                add("Task", middle, sequence * 11 + shot * 3 + task)
    return contexts


THINGS = grown()
TYPES = {"Task": {"Task"}, "Shot": {"Shot"}, "TypedContext": {"Sequence", "Shot", "Task"}}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        TABLES.metadata.create_all(opened)
        seed(opened, MODEL, TABLES)
        ledger = Ledger(opened, MODEL, TABLES, now())
        operations = Operations(ledger, None)
        for each in THINGS:
            data = {name: value for name, value in each.values.items() if value is not None}
            above, status = each.one["parent"], each.one["status"]
            if above is not None and status is not None:
                data["parent_id"] = above.values["id"]
                data["status_id"] = fixed_id("Status", status.values["name"])
            operations.create(each.kind, data)
        ledger.flush()
        yield opened
    engine.dispose()


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def liked(pattern: str, text: str) -> bool:
    """Tell whether a text is like a pattern, as SQL has it, without a difference between a and A in ASCII."""
    made, at = "", 0
    while at < len(pattern):
        if pattern[at] == "\\" and at + 1 < len(pattern):
            at += 1
            made += re.escape(pattern[at])
        else:
            made += {"%": ".*", "_": "."}.get(pattern[at], re.escape(pattern[at]))
        at += 1
    return re.fullmatch(made, text, re.DOTALL | re.ASCII | re.IGNORECASE) is not None


def scalar(thing: Thing | None, name: str) -> Any:
    return None if thing is None else thing.values.get(name)


ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
}


@st.composite
def asked_of_text(draw: st.DrawFn) -> tuple[str, Callable[[Any], bool]]:
    """Draw an operator with its value, and what it says of a text."""
    kind = draw(st.sampled_from(["is", "is_not", "like", "not_like", "in", "not_in", "none", "not_none"]))
    if kind == "none":
        return "is none", lambda text: text is None
    if kind == "not_none":
        return "is_not none", lambda text: text is not None
    if kind in ("in", "not_in"):
        among = draw(st.lists(st.sampled_from(NAMES), max_size=3))
        said = f"{kind} ({', '.join(map(quoted, among))})"
        return said, (lambda text: text in among) if kind == "in" else (lambda text: text not in among)
    if kind in ("like", "not_like"):
        pattern = draw(st.sampled_from(["a%", "%b", "_", "%", "50\\%\\_\\\\", '%"%', "", "Ü%"]))
        wanted = kind == "like"
        return (
            f"{kind} {quoted(pattern)}",
            lambda text: (text is not None and liked(pattern, text)) is wanted,
        )
    value = draw(st.sampled_from(NAMES))
    sign = draw(st.sampled_from(["is", "="] if kind == "is" else ["is_not", "!="]))
    return f"{sign} {quoted(value)}", (lambda text: text == value) if kind == "is" else (
        lambda text: text != value
    )


@st.composite
def asked_of_numbers(draw: st.DrawFn) -> tuple[str, Callable[[Any], bool]]:
    sign = draw(st.sampled_from([*ORDERS, "=", "!=", "none"]))
    if sign == "none":
        return "is none", lambda number: number is None
    value = draw(st.sampled_from([-1, 0, 1.5, 3, 100]))
    if sign in ORDERS:
        return f"{sign} {value}", lambda number: number is not None and ORDERS[sign](number, value)
    return f"{sign} {value}", (lambda number: number == value) if sign == "=" else (
        lambda number: number != value
    )


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, Check]:
    """Draw a condition on a value here, of what this points to, or of one of several."""
    name = draw(st.sampled_from(["name", "description", "bid"]))
    said, holds = draw(asked_of_numbers() if name == "bid" else asked_of_text())
    match draw(st.sampled_from(["here", "parent", "status", "narrowed", "many"])):
        case "parent":
            return f"parent.{name} {said}", lambda thing: holds(scalar(thing.one.get("parent"), name))
        case "status":
            said, holds = draw(asked_of_text())
            return f"status.name {said}", lambda thing: holds(scalar(thing.one.get("status"), "name"))
        case "narrowed":
            return f"parent[Shot].{name} {said}", lambda thing: holds(
                scalar(_if(thing.one.get("parent")), name)
            )
        case "many":
            many = draw(st.sampled_from(["children", "ancestors", "descendants"]))
            return f"{many}.{name} {said}", lambda thing: any(
                holds(scalar(each, name)) for each in thing.many.get(many, ())
            )
        case _:
            return f"{name} {said}", lambda thing: holds(scalar(thing, name))


def _if(thing: Thing | None) -> Thing | None:
    return thing if thing is not None and thing.kind == "Shot" else None


def inside(inner: tuple[str, Check], relation: str) -> tuple[str, Check]:
    said, holds = inner
    if relation in ("parent", "parent[Shot]"):

        def one(thing: Thing) -> bool:
            above = thing.one.get("parent")
            above = _if(above) if "[" in relation else above
            return above is not None and holds(above)

        return f"{relation} has ({said})", one
    many, _, only = relation.partition("[")

    def several(thing: Thing) -> bool:
        members = thing.many.get(many, ())
        return any(holds(each) for each in members if not only or each.kind == only[:-1])

    return f"{relation} any ({said})", several


def joined(parts: list[tuple[str, Check]], word: str) -> tuple[str, Check]:
    every = all if word == "and" else any
    return (
        f"({f' {word} '.join(said for said, _ in parts)})",
        lambda thing: every(holds(thing) for _, holds in parts),
    )


def negated(inner: tuple[str, Check]) -> tuple[str, Check]:
    return f"not {inner[0]}", lambda thing: not inner[1](thing)


RELATIONS = (
    "parent",
    "parent[Shot]",
    "children",
    "children[Task]",
    "ancestors",
    "ancestors[Shot]",
    "descendants",
)
CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(negated, inner),
        st.builds(joined, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["and", "or"])),
        st.builds(inside, inner, st.sampled_from(RELATIONS)),
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(entity=st.sampled_from(sorted(TYPES)), condition=CONDITIONS)
def test_a_query_finds_what_a_plain_reading_finds(
    connection: Connection, entity: str, condition: tuple[str, Check]
) -> None:
    said, holds = condition
    answer = Selection(connection, MODEL, TABLES).answer(parse(f"select id from {entity} where {said}"))
    found = sorted(each["id"] for each in answer["data"])
    wanted = sorted(each.values["id"] for each in THINGS if each.kind in TYPES[entity] and holds(each))
    assert found == wanted


@settings(max_examples=100, deadline=None)
@given(
    first=comparisons(),
    second=comparisons(),
    third=comparisons(),
    words=st.tuples(*[st.sampled_from(["and", "or"])] * 2),
)
def test_and_binds_closer_than_or(
    connection: Connection,
    first: tuple[str, Check],
    second: tuple[str, Check],
    third: tuple[str, Check],
    words: tuple[str, str],
) -> None:
    said = f"{first[0]} {words[0]} {second[0]} {words[1]} {third[0]}"
    if words == ("or", "and"):
        _, holds = joined([first, joined([second, third], "and")], "or")
    else:
        _, holds = joined([joined([first, second], words[0]), third], words[1])
    answer = Selection(connection, MODEL, TABLES).answer(parse(f"select id from Shot where {said}"))
    assert sorted(each["id"] for each in answer["data"]) == sorted(
        each.values["id"] for each in THINGS if each.kind == "Shot" and holds(each)
    )


@settings(max_examples=50, deadline=None)
@given(limit=st.integers(0, 40), offset=st.integers(0, 40), down=st.booleans())
def test_pages_are_slices_of_the_whole(connection: Connection, limit: int, offset: int, down: bool) -> None:
    asked = f"select id from TypedContext order by name {'desc' if down else 'asc'}"
    selection = Selection(connection, MODEL, TABLES)
    whole = [each["id"] for each in selection.answer(parse(asked))["data"]]
    answer = selection.answer(parse(f"{asked} offset {offset} limit {limit}"))
    assert [each["id"] for each in answer["data"]] == whole[offset : offset + limit]
    following = answer["metadata"]["next"]["offset"]
    assert following == (offset + limit if limit and offset + limit < len(whole) else None)
