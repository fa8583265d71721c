"""Shot lists of any kind: read and planned, or refused in a sentence; never anything else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callboard.cli.plan import Planner, nodes
from callboard.cli.production import Known, Words
from callboard.cli.shotlist import BadList, Faults, ShotList, read

WORDS = Words(
    statuses={"Approved": "1", "On hold": "2"},
    types={"Comp": "3"},
    priorities={"High": "4"},
    users={"jane": "5", "bob": "6"},
    customs=[
        {"id": "7", "key": "fps", "type": {"name": "number"}, "entity_type": "task", "is_hierarchical": True}
        | {"object_type": None, "project_id": None},
        {
            "id": "8",
            "key": "hero",
            "type": {"name": "boolean"},
            "entity_type": "task",
            "is_hierarchical": False,
        }
        | {"object_type": {"name": "Shot"}, "project_id": None},
    ],
)
COLUMNS = (
    "Project",
    "shot",
    "Task",
    "folder",
    "Asset Build",
    "status",
    "assignee",
    "bid",
    "due",
    "fps",
    "Hero",
    "",
    "x",
)
CELLS = (
    "",
    "a",
    "a/b",
    "Approved",
    "approved",
    "jane, bob",
    "2.5",
    "2,5",
    "2026-11-21",
    "yes",
    "nan",
    '"',
    "ü",
    "\0",
    "=1+1",
)


def planned(listed: ShotList, project: str = "p") -> Any:
    faults = Faults("it")
    made = Planner(Known(WORDS, {}), faults).plan(nodes(listed, project, faults))
    faults.check()
    return made


@given(st.binary(max_size=300))
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    with contextlib.suppress(BadList):
        assert read("it", data).rows


@given(
    st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=6),
    st.lists(st.lists(st.sampled_from(CELLS), max_size=7), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
)
def test_any_table_is_planned_or_refused(head: list[str], rows: list[list[str]], delimiter: str) -> None:
    quoted = [[f'"{cell}"' if delimiter in cell else cell for cell in row] for row in [head, *rows]]
    text = "\n".join(delimiter.join(row) for row in quoted)
    with contextlib.suppress(BadList):
        made = planned(read("it", text.encode()))
        assert len(made.changes) == made.count("created") >= 1
        assert json.dumps(made.operations)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(CELLS),
    st.lists(st.sampled_from(CELLS)),
)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=6), max_size=6))
def test_any_list_of_objects_is_planned_or_refused(rows: list[dict[str, Any]]) -> None:
    with contextlib.suppress(BadList):
        made = planned(read("it", json.dumps(rows).encode()))
        assert json.dumps(made.operations)


def test_what_is_planned_twice_is_planned_once() -> None:
    text = b"shot,task,status,assignee\na,comp,Approved,jane\na,comp,,\na,light,On hold,\n"
    made = planned(read("it", text))
    assert [(each.kind, each.path) for each in made.changes] == [
        ("Project", "p"),
        ("Shot", "p/a"),
        ("Task", "p/a/comp"),
        ("Task", "p/a/light"),
    ]
    assert [each["entity_type"] for each in made.operations] == [
        "Project",
        "Shot",
        "Task",
        "Appointment",
        "Task",
    ]
