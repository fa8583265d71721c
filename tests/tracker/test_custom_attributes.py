"""Custom attributes through the official Python client's Session."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.clients.official import Hub


@pytest.fixture
def shot(session: Any) -> Any:
    project = session.create("Project", {"name": f"custom_{uuid.uuid4().hex[:8]}"})
    shots = session.query("ObjectType where name is Shot").one()
    for key, kind, default in (("fps", "number", 24), ("lens", "text", "50mm"), ("hero", "boolean", None)):
        what = session.query(f"CustomAttributeType where name is {kind}").one()
        described = {"key": key, "type": what, "default": default, "object_type": shots, "project": project}
        session.create("CustomAttributeConfiguration", described)
    session.commit()
    made = session.create("Shot", {"name": "sh010", "parent": project})
    session.commit()
    return made


def test_what_was_not_set_has_its_default(shot: Any) -> None:
    assert dict(shot["custom_attributes"]) == {"fps": 24.0, "lens": "50mm", "hero": None}


def test_a_value_is_set_changed_and_found(session: Any, shot: Any) -> None:
    shot["custom_attributes"]["fps"] = 23.976
    shot["custom_attributes"]["hero"] = True
    session.commit()
    shot["custom_attributes"]["fps"] = 25
    session.commit()
    del shot["custom_attributes"]
    assert dict(shot["custom_attributes"]) == {"fps": 25.0, "lens": "50mm", "hero": True}
    where = f'project_id is {shot["project_id"]} and custom_attributes any (key is "fps" and value is "25")'
    assert session.query(f"Shot where {where}").one() is shot


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("value > 24", "b c"),
        ("value >= 24", "a b c"),
        ("value < 100", "a b"),
        ("value > 100 or value <= 24", "a c"),
        ("value > 9", "a b c"),  # as numbers: as texts 100 would come before 9
        ("value > z", ""),
        ("key is lens and value after 2026-11-21", "d"),
        ("key is lens and value before 2026-11-21", ""),
        ("key is lens and value < 3000", ""),
    ],
)
def test_values_are_compared_as_numbers_and_else_as_texts(
    session: Any, shot: Any, asked: str, found: str
) -> None:
    where = {"parent": shot["parent"], "project_id": shot["project_id"]}
    for name, value in (("a", 24), ("b", 48.5), ("c", 1000), ("d", "2026-11-23")):
        made = session.create("Shot", {"name": name, **where})
        made["custom_attributes"]["fps" if name != "d" else "lens"] = value
    session.commit()
    condition = f"project_id is {shot['project_id']} and custom_attributes any ({asked})"
    assert [each["name"] for each in session.query(f"Shot where {condition} order by name")] == found.split()


def test_a_change_is_told_by_the_attributes_own_key(session: Any, shot: Any, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    shot["custom_attributes"]["fps"] = 25
    shot["description"] = "Fast."
    session.commit()
    shot["custom_attributes"]["fps"] = 50
    session.commit()

    def changed() -> list[Any]:
        entries = [entry for event in heard for entry in event["data"]["entities"]]
        return [entry for entry in entries if (entry["entityId"], entry["action"]) == (shot["id"], "update")]

    hub.until(lambda: len(changed()) == 2, "two updates")
    first, second = changed()
    assert first["changes"] == {
        "description": {"old": None, "new": "Fast."},
        "fps": {"old": None, "new": "25"},
    }
    assert (second["action"], second["entityId"], second["keys"]) == ("update", shot["id"], ["fps"])
    assert second["changes"]["fps"] == {"old": "25", "new": "50"}


def test_a_new_entity_may_come_with_values(session: Any, shot: Any) -> None:
    where = {"parent": shot["parent"], "project_id": shot["project_id"]}
    made = session.create("Shot", {"name": "sh020", **where})
    made["custom_attributes"]["lens"] = "85mm"
    session.commit()
    del made["custom_attributes"]
    assert made["custom_attributes"]["lens"] == "85mm"
