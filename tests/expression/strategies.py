"""Random expressions and documents, for all tests that need some."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

KEYS = [
    "topic",
    "id",
    "data.n",
    "data.s",
    "data.list",
    "data.list.0",
    "data.ent.k",
    "data.d.x",
    "source.user",
]
VALUES = ["a", "b", "ab", "abc", "1", "2", "3", "10", "1.5", "-1", "true", "false", "*", "a*", "ab*", "1*"]
QUOTED = ['"1"', '"true"', '"*"', '""', "'b'", '"a b"', '"' + "x" * 70 + '*"', "1e999"]
OPERATORS = ["=", "=", "=", "!=", ">", "<", ">=", "<="]

conditions = st.builds("".join, st.tuples(*map(st.sampled_from, (KEYS, OPERATORS, VALUES + QUOTED))))


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(
        several.map(" and ".join),
        several.map(" or ".join),
        several.map(lambda parts: f"({' or '.join(parts)})"),
        inner.map("not ({})".format),
        inner.map("not {}".format),
        inner.map("({})".format),
    )


expressions = st.one_of(conditions, st.just(""), st.recursive(conditions, _joined, max_leaves=8))

TEXTS = ["a", "b", "ab", "abc", "1", "2", "10", "", "x" * 71]
NUMBERS = [1, 2, 3, 10, 1.5, -1, float("nan"), float("inf"), 10**400]
scalars: st.SearchStrategy[Any] = st.sampled_from([*TEXTS, *NUMBERS, True, False, None])
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["k", "x", "0", "n"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_data = st.dictionaries(st.sampled_from(["n", "s", "list", "ent", "d", "extra"]), values)
documents = st.fixed_dictionaries(
    {"topic": st.sampled_from(["a", "b", "ab", "abc"])},
    optional={
        "id": values,
        "data": st.one_of(_data, values),
        "source": st.fixed_dictionaries({"user": values}),
    },
)
