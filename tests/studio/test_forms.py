"""Forms as typed classes: what is asked, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.event import Event
from callboard.studio import Form, Hidden, Input, Label, Launch, Textarea
from callboard.studio.annotations import BadForm
from callboard.studio.fields import FieldType
from callboard.studio.forms import Question, Refused, slots_of
from callboard.studio.interfaces import Form as ShownForm
from callboard.studio.interfaces import read_reply
from callboard.studio.launch import launch_of


class Pool(Enum):
    GPU_FARM = "gpu"
    CPU_FARM = "cpu"


class Step(Enum):
    FIRST = (1, 2)
    SECOND = (3, 4)


class Everything(Form, title="Render", submit="Send"):
    about: Label = "## Which frames?"
    frames: Annotated[str, Input("Frame range", empty="1001-1096")]
    notes: Textarea = ""
    priority: int = 50
    scale: float = 1.0
    due: date | None = None
    overnight: bool = True
    pool: Pool = Pool.GPU_FARM
    step: Step = Step.FIRST
    format: Literal["exr", "png"] = "exr"
    size: Literal[1, 2] = 2
    layers: frozenset[Literal["beauty", "depth"]] = frozenset({"beauty"})
    pools: tuple[Pool, ...] = ()
    version: Annotated[str, Input(choices=lambda launch: {"v1": "Version 1", launch.user.id: "Yours"})] = "v1"
    shot: Hidden[str] = "sh010"
    state: Hidden[dict[str, Any]] = field(default_factory=lambda: {"step": 1})


EVENT = Event(
    "ftrack.action.launch", {"label": "Render", "actionIdentifier": "render"}, {"user": {"id": "u1"}}
)
GIVEN = {
    "frames": "1-10",
    "notes": "a\nb",
    "priority": 7,
    "scale": 0.5,
    "due": "2026-11-21",
    "overnight": False,
    "pool": "cpu",
    "step": "SECOND",
    "format": "png",
    "size": 1,
    "layers": ["depth", "beauty"],
    "pools": ["gpu"],
    "version": "u1",
    "shot": "sh020",
    "state": '{"step":2}',
}


@pytest.fixture
def launch() -> Launch[Mapping[str, Any]]:
    return launch_of(EVENT)


def shown(question: Question, launch: Launch[Any]) -> ShownForm:
    read = read_reply(question.reply(launch, tagged=False), EVENT.data, [])
    assert read.faults == ()
    assert isinstance(read.interface, ShownForm)
    return read.interface


def test_annotations_become_fields(launch: Launch[Any]) -> None:
    form = shown(Everything.ask(), launch)
    assert (form.title, form.submit) == ("Render", "Send")
    assert {one.name: (one.type.value, one.value) for one in form.fields} == {
        "": ("label", "## Which frames?"),
        "frames": ("text", None),
        "notes": ("textarea", ""),
        "priority": ("number", 50),
        "scale": ("number", 1.0),
        "due": ("date", None),
        "overnight": ("boolean", True),
        "pool": ("enumerator", "gpu"),
        "step": ("enumerator", "FIRST"),
        "format": ("enumerator", "exr"),
        "size": ("enumerator", 2),
        "layers": ("enumerator", ["beauty"]),
        "pools": ("enumerator", []),
        "version": ("enumerator", "v1"),
        "shot": ("hidden", "sh010"),
        "state": ("hidden", '{"step":1}'),
    }
    fields = {one.name: one for one in form.fields}
    assert (fields["frames"].label, fields["frames"].empty_text) == ("Frame range", "1001-1096")
    assert fields["overnight"].label == "Overnight"
    assert [(one.label, one.value) for one in fields["pool"].choices] == [
        ("Gpu farm", "gpu"),
        ("Cpu farm", "cpu"),
    ]
    assert [(one.label, one.value) for one in fields["version"].choices] == [
        ("Version 1", "v1"),
        ("Yours", "u1"),
    ]
    assert [one.name for one in form.fields if one.many] == ["layers", "pools"]


def test_what_is_submitted_becomes_an_instance(launch: Launch[Any]) -> None:
    assert Everything.read(launch, GIVEN) == Everything(
        frames="1-10",
        notes="a\nb",
        priority=7,
        scale=0.5,
        due=date(2026, 11, 21),
        overnight=False,
        pool=Pool.CPU_FARM,
        step=Step.SECOND,
        format="png",
        size=1,
        layers=frozenset({"depth", "beauty"}),
        pools=(Pool.GPU_FARM,),
        version="u1",
        shot="sh020",
        state={"step": 2},
    )


def test_what_is_left_out_has_its_default(launch: Launch[Any]) -> None:
    assert Everything.read(launch, {"frames": "1"}) == Everything(frames="1")


def test_pages_that_send_numbers_and_times_as_text_are_understood(launch: Launch[Any]) -> None:
    sent = {
        "frames": 12,
        "priority": "7",
        "size": "1",
        "due": "2026-11-21T00:00:00.000Z",
        "overnight": "false",
    }
    read = Everything.read(launch, sent)
    assert (read.frames, read.priority, read.size, read.due, read.overnight) == (
        *("12", 7, 1),
        date(2026, 11, 21),
        False,
    )


def test_an_empty_field_is_no_text_no_date_and_no_number(launch: Launch[Any]) -> None:
    read = Everything.read(launch, {"frames": "1", "notes": "", "due": "", "layers": [], "overnight": None})
    assert (read.notes, read.due, read.layers, read.overnight) == ("", None, frozenset(), False)


def test_what_is_wrong_is_said_of_each_field(launch: Launch[Any]) -> None:
    wrong = {
        "frames": "",
        "notes": [1],
        "priority": 1.5,
        "scale": "many",
        "due": "soon",
        "overnight": "perhaps",
        "pool": "tpu",
        "format": None,
        "layers": ["shadow"],
        "shot": ["x"],
        "state": "{",
    }
    with pytest.raises(Refused) as refused:
        Everything.read(launch, wrong)
    assert refused.value.faults == (
        "Frame range: this is needed.",
        "Notes: this is no text.",
        "Priority: this is no whole number.",
        "Scale: this is no number.",
        "Due: this is no date, write 2026-11-21.",
        "Overnight: this is neither yes nor no.",
        "Pool: this is none of the choices.",
        "Format: this is needed.",
        "Layers: this is none of the choices.",
        "Shot: this form is out of date, launch the action again.",
        "State: this form is out of date, launch the action again.",
    )


@pytest.mark.parametrize("value", [True, "nan", "1e999", "9" * 5000, {}, [], "--1"])
def test_what_is_no_number_is_none(launch: Launch[Any], value: Any) -> None:
    with pytest.raises(Refused, match="Priority: this is no number"):
        Everything.read(launch, {"frames": "1", "priority": value})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["gpu", "v1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([slot.name for slot in slots_of(Everything)]), JSON))
def test_whatever_is_submitted_is_an_instance_or_says_what_is_wrong(values: dict[str, Any]) -> None:
    faults: tuple[str, ...] = ()
    try:
        Everything.read(launch_of(EVENT), values)
    except Refused as refused:
        faults = refused.faults
    assert all(fault.endswith(".") and len(fault) < 100 for fault in faults)


class Range(Form):
    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("The last frame comes before the first.")


def test_what_does_not_fit_together_is_said_as_the_class_says_it(launch: Launch[Any]) -> None:
    with pytest.raises(Refused) as refused:
        Range.read(launch, {"first": 2, "last": 1})
    assert refused.value.faults == ("The last frame comes before the first.",)


def test_a_form_begins_with_what_it_is_asked_with(launch: Launch[Any]) -> None:
    form = shown(Everything.ask(frames="5", pool=Pool.CPU_FARM, due=date(2026, 1, 2)).saying("Hm."), launch)
    values = {one.name: one.value for one in form.fields[1:]}
    assert form.fields[0].value == "Hm."
    assert (values["frames"], values["pool"], values["due"]) == ("5", "cpu", "2026-01-02")


def test_an_instance_can_be_shown_again(launch: Launch[Any]) -> None:
    form = shown(Range(first=1, last=2).asked_again(), launch)
    assert [one.value for one in form.fields] == [1, 2]
    assert form.title == "Render"


def test_a_field_that_is_not_there_can_not_be_filled() -> None:
    with pytest.raises(BadForm, match="Range has no field 'frist': it has first, last"):
        Range.ask(frist=1)


def test_a_field_of_a_type_that_no_form_has_is_refused() -> None:
    class Odd(Form):
        when: complex

    with pytest.raises(BadForm, match=r"Odd\.when: no field of a form holds complex: use str, Textarea"):
        slots_of(Odd)


def test_several_of_anything_are_no_field() -> None:
    class Odd(Form):
        names: list[str]

    with pytest.raises(BadForm, match=r"Odd\.names"):
        slots_of(Odd)


def test_a_type_that_can_not_be_found_is_named() -> None:
    class Local(Enum):
        A = 1

    class Odd(Form):
        which: Local

    with pytest.raises(
        BadForm, match="name 'Local' is not defined; types of a form's fields stand at the top"
    ):
        slots_of(Odd)


@pytest.mark.parametrize("name", ["ask", "read", "form_title", "callboard_form"])
def test_a_field_can_not_have_the_name_of_something_else(name: str) -> None:
    with pytest.raises(BadForm, match="a field can't have this name"):
        type("Odd", (Form,), {"__annotations__": {name: "str"}, "__module__": __name__})


def test_forms_inherit_fields(launch: Launch[Any]) -> None:
    class More(Range):
        step: int = 1

    assert [slot.name for slot in slots_of(More)] == ["first", "last", "step"]
    assert More.read(launch, {"first": 1, "last": 2}).step == 1


def test_a_label_has_no_value_to_send(launch: Launch[Any]) -> None:
    label = shown(Everything.ask(), launch).fields[0]
    assert (label.type, label.wire) == (FieldType.LABEL, {"type": "label", "value": "## Which frames?"})
