"""Nodes -> functions: what decides whether a document matches. None of them ever raises.

A tree compiles to a table of branches, as compilers do with conditions: each line is a test,
the line to go on with when it holds, and the line when it does not. So a tree of any depth is
evaluated by one loop, without recursion, and no further than needed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from callboard.expression.literals import number_of, truth_of
from callboard.expression.nodes import And, Comparison, Everything, Node, Not, Or, Path

Predicate: TypeAlias = Callable[[Any], bool]
Branches: TypeAlias = list[tuple[Predicate, int, int]]

YES, NO = -1, -2
NUMBER = (int, float)  # as tuples: a union would be made anew, and looked into slowly, at each test
SCALAR = (str, int, float)
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def compiled(node: Node) -> Predicate:
    """Return the function that tells whether a document matches `node`."""
    if isinstance(node, Everything):
        return _everything
    if isinstance(node, Comparison):
        return test_of(node)
    if isinstance(node, And) and all(isinstance(child, Comparison) for child in node.children):
        return _all(tuple(test_of(child) for child in node.children if isinstance(child, Comparison)))
    return _branching(branches(node))


@lru_cache(maxsize=8192)
def test_of(condition: Comparison) -> Predicate:
    """Return the function for one condition; equal conditions share it."""
    holds = value_test(condition)
    if condition.operator == "!=":
        return _differs(condition.path, holds)
    if condition.operator == "=" and not condition.typed and not condition.prefix:
        return _is_text(condition.path, condition.value)
    return _any(condition.path, holds)


def value_test(condition: Comparison) -> Predicate:
    """Return the function for one value that stands at the path (for `!=`: whether it is equal)."""
    value, number, truth = condition.value, number_of(condition), truth_of(condition)
    if condition.operator in _ORDERS:
        return _ordered(_ORDERS[condition.operator], value, number)
    if condition.prefix:
        return _is_scalar if condition.typed else _starts(value)
    return _equals(value, number, truth)


def values_at(document: Any, path: Path) -> Sequence[Any] | None:
    """Return the values that stand at `path`, or None when there is no such key.

    On the way a list stands for its elements, a number as key picks the one at that place; a list
    at the end stands for its elements too.
    """
    value = document
    try:
        for part in path:
            value = value[part]
    except KeyError:
        return None
    except Exception:  # a list on the way, or nothing that has keys
        return _spread(document, path)
    return flattened((value,)) if isinstance(value, list) else (value,)


def is_number(value: Any) -> bool:
    """Return whether `value` is a number that has a place among numbers; a boolean is none, nor is NaN."""
    return isinstance(value, NUMBER) and value is not True and value is not False and value == value  # noqa: PLR0124


def stepped(values: Sequence[Any], part: str) -> list[Any]:
    """Return what `part` picks in each of `values`, mappings and lists; nothing in any other value.

    In a list a number (`0`, `17`) picks the element at that place, any other key is looked up in
    each element. An event may hold hundreds of entities: dicts are looked through without a call.
    """
    if set(map(type, values)) == {dict}:
        return [value[part] for value in values if part in value]
    return [found for value in values for found in _picked(value, part)]


def flattened(values: Sequence[Any]) -> Sequence[Any]:
    """Return `values` with each list among them replaced by its elements, at any depth."""
    if list not in map(type, values):
        return values
    flat: list[Any] = []
    waiting = [values]
    while waiting:
        values = waiting.pop()
        if list not in map(type, values):
            flat.extend(values)
            continue
        for value in values:
            (waiting if isinstance(value, list) else flat).append(value)
    return flat


def branches(node: Node) -> Branches:
    """Return the table for `node`; evaluation starts at its last line and moves towards the first."""
    table: Branches = []
    waiting: list[tuple[Node, int | None, int | None]] = [(node, YES, NO)]
    while waiting:
        node, yes, no = waiting.pop()
        last = len(table) - 1  # where what is evaluated next starts: None stands for it
        yes, no = last if yes is None else yes, last if no is None else no
        match node:
            case Comparison():
                table.append((test_of(node), yes, no))
            case Not():
                waiting.append((node.child, no, yes))
            case And():
                waiting += [(child, None, no) for child in node.children[:-1]]
                waiting.append((node.children[-1], yes, no))
            case Or():
                waiting += [(child, yes, None) for child in node.children[:-1]]
                waiting.append((node.children[-1], yes, no))
            case Everything():
                table.append((_everything, yes, no))
    return table


def _spread(document: Any, path: Path) -> Sequence[Any] | None:
    frontier: list[Any] = [document]
    for part in path:
        frontier = stepped(frontier, part)
        if not frontier:
            return None
    return flattened(frontier)


def _picked(value: Any, part: str) -> Sequence[Any]:
    if not isinstance(value, list):
        return _looked_up(value, part)
    if part.isascii() and part.isdigit() and (part[0] != "0" or part == "0"):
        place = int(part) if len(part) < 10 else len(value)
        return value[place : place + 1]
    return stepped(flattened(value), part)


def _looked_up(value: Any, part: str) -> tuple[Any, ...]:
    if type(value) is dict:
        return (value[part],) if part in value else ()
    if not isinstance(value, Mapping):
        return ()
    try:
        return (value[part],)
    except Exception:  # KeyError; what else a mapping may raise is no value either
        return ()


def _everything(_: Any) -> bool:
    return True


def _all(tests: tuple[Predicate, ...]) -> Predicate:
    if len(tests) == 2:
        first, second = tests
        return lambda document: first(document) and second(document)

    def every(document: Any) -> bool:
        for test in tests:  # noqa: SIM110 - a generator would cost as much as the tests
            if not test(document):
                return False
        return True

    return every


def _branching(table: Branches) -> Predicate:
    start = len(table) - 1

    def branching(document: Any) -> bool:
        line = start
        while line >= 0:
            test, yes, no = table[line]
            line = yes if test(document) else no
        return line == YES

    return branching


def _any(path: Path, holds: Predicate) -> Predicate:
    def any_value(document: Any) -> bool:
        value = document
        try:
            for part in path:
                value = value[part]
        except KeyError:
            return False
        except Exception:
            return any(map(holds, _spread(document, path) or ()))
        return any(map(holds, flattened(value))) if isinstance(value, list) else holds(value)

    return any_value


def _differs(path: Path, equal: Predicate) -> Predicate:
    def differs(document: Any) -> bool:
        values = values_at(document, path)
        return values is not None and not any(map(equal, values))

    return differs


def _is_text(path: Path, text: str) -> Predicate:
    """The condition that nearly all subscriptions consist of, hence without a call inside."""

    def is_text(document: Any) -> bool:
        value = document
        try:
            for part in path:
                value = value[part]
        except KeyError:
            return False
        except Exception:
            return text in (_spread(document, path) or ())
        if isinstance(value, list):
            return text in flattened(value)
        return bool(value == text)

    return is_text


def _equals(text: str, number: float | None, truth: bool | None) -> Predicate:
    def equals(value: Any) -> bool:
        if isinstance(value, str):
            return value == text
        if isinstance(value, bool):
            return value is truth
        return isinstance(value, NUMBER) and value == number

    return equals


def _starts(text: str) -> Predicate:
    def starts(value: Any) -> bool:
        return isinstance(value, str) and value.startswith(text)

    return starts


def _is_scalar(value: Any) -> bool:
    return isinstance(value, SCALAR)


def _ordered(compare: Callable[[Any, Any], bool], text: str, number: float | None) -> Predicate:
    def ordered(value: Any) -> bool:
        if isinstance(value, str):
            return compare(value, text)
        return number is not None and is_number(value) and compare(value, number)

    return ordered
