"""Targets find exactly the subscribers that fulfil the expression, whatever these say of themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callboard.expression import parse, parse_target
from callboard.hub.principal import Principal
from callboard.hub.recipient import Subscription
from callboard.hub.stream import Stream
from callboard.hub.targets import Targets

WORDS = st.sampled_from(["a", "b", "7", "true"])
VALUES = st.recursive(
    WORDS | st.sampled_from([7, True, None, 1.5]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x", "0"]), inner, max_size=2)
    ),
    max_leaves=4,
)
SUBSCRIBERS = st.fixed_dictionaries({"id": WORDS}, optional={"app": VALUES, "user": VALUES})
CONDITIONS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["id", "app", "user", "user.id", "app.x", "app.0", "user.x.id"]),
    st.sampled_from(["=", "!="]),
    st.sampled_from(["a", '"b"', "7", '"7"', "true", "a*", "*"]),
)
TARGETS = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not {}".format, inner)
    ),
    max_leaves=5,
)


def subscription(subscriber: dict[str, Any]) -> Subscription:
    return Subscription(Stream(Principal("admin"), str), "", parse(""), subscriber, 0)


@given(st.lists(SUBSCRIBERS, max_size=6), st.lists(TARGETS, min_size=1, max_size=4), st.data())
def test_a_target_finds_who_fulfils_it_and_nobody_else(
    subscribers: list[dict[str, Any]], texts: list[str], data: st.DataObject
) -> None:
    targets = Targets()
    there = [subscription(one) for one in subscribers]
    for one in there:
        targets.add(one)
    for one in data.draw(st.lists(st.sampled_from(there), unique_by=id)) if there else []:
        there.remove(one)
        targets.remove(one)
    assert len(targets) == len(there)
    for text in texts:
        expression = parse_target(text)
        wanted = [one for one in there if expression.matches(one.subscriber)]
        assert sorted(map(id, targets.find(text))) == sorted(map(id, wanted)), text


def test_what_is_removed_leaves_nothing_behind() -> None:
    targets = Targets()
    empty = str(vars(targets))
    kept = [subscription({"id": f"s{n}", "app": ["maya", {"x": "y"}]}) for n in range(3)]
    for one in kept:
        targets.add(one)
    for one in kept:
        targets.remove(one)
    assert str(vars(targets)) == empty
