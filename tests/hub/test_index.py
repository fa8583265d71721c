"""The index finds what the expressions themselves say, costs what it finds, and forgets what is removed."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.event import _READERS, Entry, Event, seal
from callboard.expression import EVERYTHING, Expression, parse
from callboard.expression.expression import _parse
from callboard.hub import level
from callboard.hub.index import Index
from callboard.hub.trie import LATE, Slot
from tests.expression.strategies import documents, expressions

changes = st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 2)), max_size=80)


def matched(index: Index[Any], document: Mapping[str, Any]) -> dict[Expression, list[Any]]:
    nodes = index.match(document)
    assert len(set(nodes)) == len(nodes)
    return {node.expression: list(node.items) for node in nodes}


def filled(*texts: str) -> Index[str]:
    index: Index[str] = Index()
    for text in texts:
        index.add(parse(text), text)
    return index


def texts_matched(index: Index[str], document: Mapping[str, Any]) -> set[str]:
    return {item for node in index.match(document) for item in node.items}


@pytest.fixture(params=[1, 3, 16])
def hot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Small buckets, so that a few expressions make levels within levels."""
    monkeypatch.setattr(level, "HOT", request.param)
    monkeypatch.setattr(level, "COOL", max(request.param // 4, 1))
    monkeypatch.setattr(level, "CROWDED", request.param)
    return int(request.param)


@pytest.mark.usefixtures("hot")
@settings(max_examples=150, deadline=None, suppress_health_check=[])
@given(st.lists(expressions, min_size=1, max_size=31), changes, st.lists(documents, min_size=1, max_size=4))
def _finds(pool: list[str], steps: list[tuple[bool, int, int]], tried: list[dict[str, Any]]) -> None:
    index: Index[int] = Index()
    model: dict[Expression, dict[int, None]] = {}
    for added, which, item in steps:
        expression = parse(pool[which % len(pool)])
        items = model.setdefault(expression, {})
        if added:
            index.add(expression, item)
            items[item] = None
        else:
            index.remove(expression, item)
            items.pop(item, None)
    assert len(index) == sum(map(len, model.values()))
    for document in tried:
        expected = {one: list(items) for one, items in model.items() if items and one.matches(document)}
        assert matched(index, document) == expected
    for expression, items in model.items():
        for item in items:
            index.remove(expression, item)
    assert_empty(index)


def assert_empty(index: Index[Any]) -> None:
    top = index._level
    assert len(index) == 0
    assert not any((top.leaves, top.root, top.plain, top.groups, top.denials, top.said, top.free))


@pytest.mark.usefixtures("hot")
def test_the_index_finds_what_the_naive_evaluator_finds_while_it_changes() -> None:
    _finds()


def test_equal_expressions_are_one_node() -> None:
    index = filled("a=x and b=y", "b='y' and a=x", " a=x AND (b=y)")
    (node,) = index.match({"a": "x", "b": "y"})
    assert list(node.items) == ["a=x and b=y", "b='y' and a=x", " a=x AND (b=y)"]


def test_adding_and_removing_twice_change_nothing() -> None:
    index: Index[int] = Index()
    expression = parse("a=x")
    for _ in range(2):
        index.add(expression, 1)
    index.remove(expression, 2)
    index.remove(parse("a=y"), 1)
    assert len(index) == 1
    for _ in range(2):
        index.remove(expression, 1)
    assert_empty(index)


def test_nothing_says_everything() -> None:
    index = filled("", "topic=a")
    assert texts_matched(index, {}) == {""}
    assert texts_matched(index, {"topic": "a"}) == {"", "topic=a"}
    assert index.match({})[0].expression == EVERYTHING


def test_two_conditions_on_a_list_may_be_met_by_different_elements() -> None:
    index = filled("n>10 and n<20", "n>20 and n<10", "n>10 and n<12", "n>30 and n<40")
    assert texts_matched(index, {"n": [5, 25]}) == {"n>10 and n<20", "n>20 and n<10", "n>10 and n<12"}
    assert texts_matched(index, {"n": "15"}) == {"n>10 and n<20"}


def test_a_path_of_any_length_is_found() -> None:
    path = ".".join("a" * 5000)
    document: dict[str, Any] = {"a": "x"}
    for _ in range(4999):
        document = {"a": document}
    index = filled(f"{path}=x", f"not {path}=x", f"{path}!=y", f"{path}>y")
    assert texts_matched(index, document) == {f"{path}=x", f"{path}!=y"}
    assert texts_matched(index, {}) == {f"not {path}=x"}
    document.clear()


def test_thousands_of_alternatives_and_levels_are_found() -> None:
    many = " or ".join(f"a={n}" for n in range(5000))
    deep = "not (a=x and " * 2000 + "b=y" + ")" * 2000
    index = filled(many, *(f"{deep} and c={n}" for n in range(40)))
    assert texts_matched(index, {"a": "4711"}) == {many}
    assert texts_matched(index, {"a": "x", "b": "y", "c": "7"}) == {f"{deep} and c=7"}


def test_data_stays_undecoded_when_only_the_topic_is_asked_for() -> None:
    document = Entry(1, 1.0, "jane", seal(Event("a.b", {"n": 1}, {"id": "x"}))).document
    index = filled("topic=a.b", "topic=a.*", "topic=other and entry.publisher=x")
    assert len(index.match(document)) == 2
    assert not {"data", "source"} & set(document)


def test_all_keys_of_an_event_are_found_before_they_are_read() -> None:
    some = (f"key{n}=x" for n in range(100))
    index = filled(*some, *(f"{key}!=x" for key in LATE))
    document = Entry(1, 1.0, "jane", seal(Event("a.b", {"n": 1}, {"id": "x"}))).document
    assert texts_matched(index, document) == {f"{key}!=x" for key in LATE}
    assert set(LATE) == set(_READERS)


class Broken(Mapping[str, Any]):
    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["topic"])

    def __len__(self) -> int:
        return 1


def test_a_document_that_raises_matches_nothing() -> None:
    index = filled("topic=x", "topic!=x", "a.b=*", "not topic=y")
    assert texts_matched(index, Broken()) == {"not topic=y"}
    assert texts_matched(index, {"topic": Broken(), "a": {"b": Broken()}}) == {"topic!=x", "not topic=y"}


def work(function: Callable[[], object]) -> int:
    """Return how many lines of Python a call runs: cost without a clock."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def numbered(pattern: str, count: int) -> Index[int]:
    index: Index[int] = Index()
    for n in range(count):
        index.add(_parse(pattern.format(n=n, low=n * 10, high=n * 10 + 9, few=n % 40, many=n // 40)), n)
    return index


@pytest.mark.parametrize(
    "pattern",
    [
        "topic=t{n}",
        "topic=hot and source.user.username=u{n}",
        "topic=hot and data.few=f{few} and source.user.username=u{many}",
        "topic=hot and data.path=/proj/{n}/*",
        "topic=hot and data.n>={low} and data.n<={high}",
        "topic=hot and data.n={n}",
        "data.list=a{n} or data.list=b{n}",
        "(topic=hot or topic=other) and data.n>-{n} and data.n<{n} and data.s=x{n}",
        "topic=hot and data.size>1{n}",
        "topic=hot and not (data.s=hot or data.s=x{n})",
        "topic=hot and data.s!=hot and data.s!=x{n}",
        "not topic=hot and not data.s=x{n}",
        "data.key{n}!=x",
        "data.key{n}.x=x",
        "key{n}=x",
    ],
)
@pytest.mark.usefixtures("hot")
def test_an_event_costs_what_it_matches_not_how_many_there_are(pattern: str) -> None:
    document = {
        "topic": "hot",
        "source": {"user": {"username": "u7"}},
        "data": {"few": "f3", "n": 77, "s": "hot", "path": "/proj/5/x", "size": 5, "list": ["a3", "b9"]},
    }
    small, large = numbered(pattern, 400), numbered(pattern, 2000)
    assert len(small.match(document)) == len(large.match(document)) <= 2
    assert work(lambda: large.match(document)) <= 1.6 * work(lambda: small.match(document))


def test_many_that_all_match_unless_denied_are_found_in_bulk() -> None:
    index = numbered("not source.user.username=u{n}", 4000)
    document = {"source": {"user": {"username": "u7"}}}
    assert len(index.match(document)) == 3999
    assert work(lambda: index.match(document)) < 500


def test_adding_and_removing_cost_the_same_in_a_large_index() -> None:
    small, large = numbered("topic=hot and data.n=x{n}", 200), numbered("topic=hot and data.n=x{n}", 2000)

    new = parse("topic=hot and data.n=new")

    def change(index: Index[int]) -> None:
        index.add(new, 1)
        index.remove(new, 1)

    change(small)  # compiles and caches what both share
    assert work(lambda: change(large)) <= 1.2 * work(lambda: change(small))


class Item:
    """Something one can watch go."""


def test_removing_frees_the_memory() -> None:
    texts = [f"topic=hot and data.n>{n} and not data.s=x{n}" for n in range(100)]
    index: Index[Item] = Index()
    items = [Item() for _ in texts]
    for text, item in zip(texts, items, strict=True):
        index.add(_parse(text), item)
    watched = [weakref.ref(item) for item in items]
    before = sum(isinstance(thing, Slot | level.Leaf | level.Level) for thing in gc.get_objects())
    index.match({"topic": "hot", "data": {"n": 1000}})
    for text, item in zip(texts, items, strict=True):
        index.remove(_parse(text), item)
    del items, item
    gc.collect()
    after = sum(isinstance(thing, Slot | level.Leaf | level.Level) for thing in gc.get_objects())
    assert not any(reference() for reference in watched)
    assert after <= before - len(texts)
    assert_empty(index)
