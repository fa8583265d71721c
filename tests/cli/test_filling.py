"""Forms that scripts fill in, and what strangers write into a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.cli.desk import Desk
from callboard.cli.filling import AskedAgain, Filling, Given, Unfilled
from callboard.cli.outcome import WrongUse
from callboard.cli.reach import Reach
from callboard.cli.showing import indented, json_of, plain, text_of
from callboard.event import Event
from callboard.studio.interfaces import Form, read_reply, read_trigger

ITEM = {"actionIdentifier": "a"}


def form(*items: Any) -> Form:
    read = read_reply({"items": list(items)}, ITEM, []).interface
    assert isinstance(read, Form)
    return read


def text(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "name": name, **more}


def label(said: str) -> dict[str, Any]:
    return {"type": "label", "value": said}


def filling(*settings: str, values: str = "", yes: bool = False) -> Filling:
    return Filling(Given(settings, values), asks=False, yes=yes)


def test_fields_that_share_a_name_take_one_value_each() -> None:
    filled = filling("a=1", "a=2").fill(form(text("a"), text("a"), text("b", value="c")))
    assert filled == {"a": ["1", "2"], "b": "c"}


def test_hidden_values_go_along_as_they_came() -> None:
    hidden = {"type": "hidden", "name": "state", "value": {"step": [1]}}
    assert filling().fill(form(hidden, text("a", value=""))) == {"state": {"step": [1]}, "a": ""}


def test_a_box_that_is_not_ticked_is_a_no_and_the_rest_is_needed() -> None:
    menu = {"type": "enumerator", "name": "pool", "data": ["gpu"]}
    with pytest.raises(Unfilled, match=r"^The form asks for pool, due: give them with --set"):
        filling().fill(form({"type": "boolean", "name": "b"}, menu, {"type": "date", "name": "due"}))
    assert filling("pool=").fill(form({"type": "boolean", "name": "b"}, menu)) == {"b": False, "pool": None}


def test_names_of_later_steps_are_not_mistyped_ones() -> None:
    steps = filling("first=1", "frames=2", "frame=3")
    assert steps.fill(form(text("first"))) == {"first": "1"}
    assert steps.fill(form(text("frame"))) == {"frame": "3"}
    assert steps.fill(form(text("frames"))) == {"frames": "2"}


def test_a_mistyped_name_is_told_before_anything_is_submitted() -> None:
    with pytest.raises(WrongUse, match="no field 'framse'; do you mean 'frames'"):
        filling(values='{"framse": 1}').fill(form(text("frames", value="all")))


def test_the_same_form_again_is_filled_in_while_there_are_values() -> None:
    steps = filling("name=a", "name=b")
    assert steps.fill(form(text("name"))) == {"name": "a"}
    assert steps.fill(form(text("name"))) == {"name": "b"}
    with pytest.raises(AskedAgain, match="asks the same again: No such name"):
        steps.fill(form(label("No such name."), text("name", value="b")))


def test_one_question_for_a_yes_may_follow_another_but_not_itself() -> None:
    steps = filling(yes=True)
    assert steps.fill(form(label("Sure?"))) == {}
    assert steps.fill(form(label("Really?"))) == {}
    with pytest.raises(AskedAgain):
        steps.fill(form(label("Really?")))


def test_an_action_that_never_ends_is_left() -> None:
    steps = filling(yes=True)
    for number in range(100):
        steps.fill(form(text(f"f{number}", value="")))
    with pytest.raises(AskedAgain, match="it does not say why"):
        steps.fill(form(text("f", value="")))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<b>All</b> of<br>them &amp; more", "All of\nthem & more"),
        ("a < b and c > d, x<3", "a < b and c > d, x<3"),
        ("\x1b[2J\x9b31m\u202egpj.exe", "\\x1b[2J\\x9b31m\\u202egpj.exe"),
        ("&#27;[2J&#x202e;", "[2J\\u202e"),
        ("one\r\n\n\n\n\ntwo\ttabs\n---\n", f"one\n\ntwo    tabs\n{'─' * 20}"),
        ("one\n\n  ---\n\ntwo", f"one\n\n{'─' * 20}\n\ntwo"),
        ("[link](https://x.test/)", "[link](https://x.test/)"),
    ],
)
def test_text_of_strangers_is_shown_without_anything_that_steers(said: str, shown: str) -> None:
    assert plain(said) == shown


def test_long_texts_are_cut() -> None:
    assert plain("a\n" * 1000).count("\n") == 200
    assert plain("<" * 10_000) == "<" * 10_000
    assert plain("\n" * 1_000_000 + "end") == "end"


def test_lines_of_strangers_are_indented() -> None:
    shown = read_trigger({"type": "message", "success": True, "message": "Hello\ncallboard: your key?"})
    assert indented(text_of(shown)) == "Hello\n  callboard: your key?"


def test_a_form_without_words_is_shown_too() -> None:
    shown = read_trigger({"type": "form", "items": [text("a", value=None), {"type": "boolean", "name": "b"}]})
    assert text_of(shown) == "  a: \n  b: "
    assert json_of(shown, "jane")["read_only"] is True


def test_what_waits_to_be_shown_is_bounded_and_what_comes_beyond_is_refused() -> None:
    desk = Desk(Reach(), asks=False, as_json=False)
    large = Event("shown", {"type": "message", "success": True, "message": "x" * 5_000_000})
    small = Event("shown", {"type": "message", "success": True, "message": "x"})
    assert [desk._trigger(large) is None for _ in range(4)] == [True, True, True, False]
    assert [desk._trigger(small) is None for _ in range(498)] == [True] * 497 + [False]
