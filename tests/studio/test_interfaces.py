"""What listeners want shown is read, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.studio.fields import BadValue, Choice, Field, FieldType, chosen, gathered, typed
from callboard.studio.interfaces import (
    LONGEST_TEXT,
    MOST_CHOICES,
    MOST_FIELDS,
    Form,
    Message,
    Shown,
    Widget,
    read_reply,
    read_trigger,
)

ITEM = {"label": "Render", "actionIdentifier": "render"}
SELECTED = [{"entityId": "t1", "entityType": "task"}]
FIELDS: list[dict[str, Any]] = [
    {"type": "label", "value": "## Which frames?"},
    {"type": "text", "name": "frames", "label": "Frames", "value": "1-10", "empty_text": "1001-1096"},
    {"type": "textarea", "name": "notes"},
    {"type": "number", "name": "priority", "value": 50},
    {"type": "date", "name": "due", "value": "2026-11-21"},
    {"type": "boolean", "name": "overnight", "value": True},
    {"type": "enumerator", "name": "pool", "data": [{"label": "GPUs", "value": "gpu"}], "value": "gpu"},
    {"type": "enumerator", "name": "layers", "data": [{"label": "A", "value": 1}], "multi_select": True},
    {"type": "hidden", "name": "state", "value": '{"step": 1}'},
]


def reply(data: Any) -> Shown:
    return read_reply(data, ITEM, SELECTED)


def test_a_reply_with_success_and_message_is_a_message() -> None:
    assert reply({"success": False, "message": "No."}) == Shown(Message(False, "No."))
    assert reply({"type": "message", "success": True, "message": "Yes."}) == Shown(Message(True, "Yes."))


def test_a_message_without_success_is_good_news() -> None:
    assert reply({"message": "Queued."}) == Shown(Message(True, "Queued."))


def test_text_and_truth_are_taken_for_a_message() -> None:
    assert reply("Queued.") == Shown(Message(True, "Queued."))
    assert reply(False) == Shown(Message(False, ""))


def test_fields_are_a_form_that_launches_the_item_again() -> None:
    shown = reply({"items": FIELDS, "title": "Render", "submit_button_label": "Send"})
    assert shown.faults == ()
    form = shown.interface
    assert isinstance(form, Form)
    assert (form.title, form.submit, form.read_only) == ("Render", "Send", False)
    assert (form.item, form.selection) == (ITEM, SELECTED)
    assert [field.type.value for field in form.fields] == [one["type"] for one in FIELDS]
    assert form.fields[1] == Field(
        FieldType.TEXT, "frames", "Frames", "1-10", is_set=True, empty_text="1001-1096"
    )
    assert form.fields[6].choices == (Choice("GPUs", "gpu"),)
    assert form.fields[7].many
    assert [field.name for field in form.fields if field.is_asked] == [
        *("frames", "notes", "priority", "due", "overnight", "pool", "layers")
    ]


def test_a_form_may_say_something_beside_its_fields() -> None:
    form = reply({"success": True, "message": "Two are missing.", "items": FIELDS}).interface
    assert isinstance(form, Form)
    assert form.message == "Two are missing."


def test_a_page_is_a_widget() -> None:
    shown = reply(
        {"success": True, "message": "", "type": "widget", "url": "https://x.test/a?b=1", "title": "A"}
    )
    assert shown == Shown(Widget("https://x.test/a?b=1", "A", "", SELECTED))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://", "http://[", 7, "x" * 9999]
)
def test_what_is_no_web_address_is_not_offered_as_a_page(url: Any) -> None:
    shown = reply({"type": "widget", "url": url, "title": "Report"})
    assert shown.interface == Message(False, "Report: its address can't be opened.")
    assert shown.faults == (
        "Url is no web address: a widget needs one that begins with http:// or https://.",
    )


@pytest.mark.parametrize(
    "data", [None, 7, ["a"], {}, {"type": "dance"}, {"message": {"a": 1}}, {"success": "yes"}]
)
def test_what_makes_no_sense_is_a_message_with_a_fault(data: Any) -> None:
    shown = reply(data)
    assert isinstance(shown.interface, Message)
    assert shown.faults != ()


def test_a_triggered_form_launches_what_it_names() -> None:
    shown = read_trigger(
        {
            "type": "form",
            "items": FIELDS,
            "actionIdentifier": "render",
            "selection": SELECTED,
            "actionData": {"a": 1},
        }
    )
    form = shown.interface
    assert isinstance(form, Form)
    assert form.item == {"actionIdentifier": "render", "actionData": {"a": 1}}
    assert (form.selection, form.read_only, shown.faults) == (tuple(SELECTED), False, ())


def test_the_selection_may_stand_under_context() -> None:
    data = {"type": "widget", "url": "http://x.test/", "context": {"selection": SELECTED}}
    assert read_trigger(data) == Shown(Widget("http://x.test/", selection=tuple(SELECTED)))


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        ("actionIdentifier", "A form needs actionIdentifier: without it nothing can be launched."),
        ("selection", "A form needs selection: without it nobody knows what to work on."),
    ],
)
def test_a_triggered_form_that_lacks_what_it_needs_is_read_only(missing: str, fault: str) -> None:
    data = {"type": "form", "items": FIELDS, "actionIdentifier": "render", "selection": SELECTED}
    del data[missing]
    shown = read_trigger(data)
    assert isinstance(shown.interface, Form)
    assert (shown.interface.read_only, shown.faults) == (True, (fault,))


def test_a_triggered_widget_without_a_selection_is_read_only() -> None:
    shown = read_trigger({"type": "widget", "url": "http://x.test/"})
    assert isinstance(shown.interface, Widget)
    assert shown.interface.read_only
    assert shown.faults == ("A widget needs selection: without it nobody knows what it is for.",)


def test_a_widget_of_fields_is_a_panel_to_look_at() -> None:
    """Source: facts 4.4, what one server sends."""
    shown = read_trigger({"type": "widget", "items": FIELDS, "title": "Report", "selection": SELECTED})
    assert isinstance(shown.interface, Form)
    assert (shown.interface.read_only, shown.interface.title, shown.faults) == (True, "Report", ())


@pytest.mark.parametrize(
    "field",
    [7, {"type": "rocket", "name": "a"}, {"name": "a"}, {"type": "text"}, {"type": "text", "name": ["a"]}],
)
def test_a_form_with_a_field_that_nobody_understands_can_only_be_looked_at(field: Any) -> None:
    shown = reply({"items": [FIELDS[1], field]})
    assert isinstance(shown.interface, Form)
    assert shown.interface.read_only
    assert shown.interface.fields[0].name == "frames"
    assert len(shown.faults) == 1


def test_texts_are_cut_and_values_are_not() -> None:
    long = "x" * (LONGEST_TEXT + 1)
    form = reply({"items": [{"type": "hidden", "name": "state", "value": long}], "title": long}).interface
    assert isinstance(form, Form)
    assert (form.fields[0].value, len(form.title)) == (long, LONGEST_TEXT)


def test_too_many_fields_and_choices_are_left_out() -> None:
    many = [{"type": "text", "name": f"f{number}"} for number in range(MOST_FIELDS + 1)]
    shown = reply({"items": many})
    assert isinstance(shown.interface, Form)
    assert (len(shown.interface.fields), shown.interface.read_only) == (MOST_FIELDS, True)
    menu = {"type": "enumerator", "name": "a", "data": list(range(MOST_CHOICES))}
    shown = reply({"items": [menu, menu]})
    assert isinstance(shown.interface, Form)
    assert [len(field.choices) for field in shown.interface.fields] == [MOST_CHOICES, 0]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "items", "url", "title", "message", "success", "name", "data", "value", "label"]
            )
            | st.sampled_from(["selection", "context", "actionIdentifier", "multi_select", "empty_text"]),
            inner | st.sampled_from(["form", "widget", "message", "text", "enumerator", "label", "hidden"]),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_comes_is_shown_somehow(data: Any) -> None:
    for shown in (reply(data), read_trigger(data)):
        assert isinstance(shown.interface, Message | Form | Widget)
        assert all(fault.endswith(".") and len(fault) < 200 for fault in shown.faults)


CHOICES = (Choice("GPU pool", "gpu"), Choice("CPU pool", "cpu"), Choice("Seven", 7))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (FieldType.TEXT, " a ", " a "),
        (FieldType.NUMBER, "12", 12),
        (FieldType.NUMBER, " -2.5 ", -2.5),
        (FieldType.NUMBER, "", None),
        (FieldType.DATE, "2026-11-21", "2026-11-21"),
        (FieldType.DATE, "", None),
        (FieldType.BOOLEAN, "Yes", True),
        (FieldType.BOOLEAN, "off", False),
        (FieldType.ENUMERATOR, "gpu", "gpu"),
        (FieldType.ENUMERATOR, "CPU pool", "cpu"),
        (FieldType.ENUMERATOR, "se", 7),
        (FieldType.ENUMERATOR, "7", 7),
        (FieldType.ENUMERATOR, "", None),
    ],
)
def test_what_is_typed_becomes_a_value(kind: FieldType, text: str, value: Any) -> None:
    assert typed(Field(kind, "a", choices=CHOICES), text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *((FieldType.NUMBER, text) for text in ("a", "1_0", "nan", "inf", "1e999", "9" * 400)),
        *((FieldType.DATE, text) for text in ("soon", "21.11.2026", "2026-13-01")),
        (FieldType.BOOLEAN, "perhaps"),
        (FieldType.ENUMERATOR, "tpu"),
    ],
)
def test_what_does_not_fit_says_what_would(kind: FieldType, text: str) -> None:
    with pytest.raises(BadValue, match=r"write|of the choices: GPU pool, CPU pool, Seven\."):
        typed(Field(kind, "a", choices=CHOICES), text)


def test_several_choices_are_named_with_commas() -> None:
    field = Field(FieldType.ENUMERATOR, "a", choices=(*CHOICES, Choice("Nine, ten", 9)), many=True)
    assert [typed(field, text) for text in ("gpu, 7", "", "Nine, ten")] == [["gpu", 7], [], [9]]


def test_a_beginning_that_fits_several_choices_is_refused() -> None:
    with pytest.raises(BadValue, match="more than one of the choices: pen, paper"):
        chosen((Choice("pen", 1), Choice("paper", 2), Choice("ink", 3)), "p")


def test_fields_that_share_a_name_give_a_list() -> None:
    assert gathered([("a", 1), ("b", 2), ("a", 3)]) == {"a": [1, 3], "b": 2}
