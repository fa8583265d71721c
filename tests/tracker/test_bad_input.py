"""What comes from outside and is wrong: refused in the clients' form, and nothing half done.

Beside the cases of test_api.py (the wire), test_queries.py (queries) and test_session.py (creations).
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine

from callboard.tracker.entities import MODEL
from callboard.tracker.language import parse
from callboard.tracker.ledger import Ledger
from callboard.tracker.model import Collection, Line, Newest, Reference, Scalar, Through
from callboard.tracker.operations import Operations
from callboard.tracker.refusals import Refused
from callboard.tracker.seeding import seed
from callboard.tracker.selecting import Selection
from callboard.tracker.tables import tables_of
from callboard.tracker.values import now
from tests.clients.official import Hub
from tests.serving import Server

HOSTILE = (
    "'; DROP TABLE context; --",
    '" or ""="',
    "%",
    "\\",
    "{{7*7}}",
    "../../etc/passwd",
    "\u202e",
    "a" * 5000,
)
TABLES = tables_of(MODEL)


def ask(server: Server, body: Any) -> tuple[int, Any]:
    status, answer = server.post("/api", body)
    return status, json.loads(answer)


def create(entity: str, **data: Any) -> dict[str, Any]:
    return {"action": "create", "entity_type": entity, "entity_key": [], "entity_data": data}


def update(entity: str, id_: str, **data: Any) -> dict[str, Any]:
    return {"action": "update", "entity_type": entity, "entity_key": [id_], "entity_data": data}


def query(expression: str) -> dict[str, Any]:
    return {"action": "query", "expression": expression}


@pytest.fixture
def shot(server: Server) -> dict[str, Any]:
    project = str(uuid.uuid4())
    made = [
        create("Project", id=project, name=f"bad_{project[:8]}"),
        create("Shot", name="sh010", parent_id=project),
    ]
    status, (_, answer) = ask(server, made)
    assert status == 200
    found: dict[str, Any] = answer["data"]
    return found


@pytest.mark.parametrize(
    ("operation", "status", "said"),
    [
        (update("Shot", "SHOT", ancestors=[]), 400, "Shot.ancestors is made by the tracker"),
        (update("Shot", "SHOT", link=[]), 400, "Shot.link is made by the tracker"),
        (update("Shot", "SHOT", id="other"), 400, "Shot.id can't be changed"),
        (update("Shot", "SHOT", created_at="2026-01-01"), 400, "Shot.created_at can't be changed"),
        (update("Shot", "SHOT", object_type_id="x"), 400, "Shot.object_type_id is made by the tracker"),
        (update("Shot", "SHOT", name=""), 400, "Shot needs name"),
        (update("Shot", "SHOT", name=None), 400, "Shot needs name"),
        (update("Shot", "SHOT", nam="x"), 400, "Shot has no attribute 'nam': did you mean 'name'?"),
        (update("Shot", "SHOT", bid=1e300), 400, "Shot.bid takes a number"),
        (update("Shot", "SHOT", start_date="soon"), 400, "Shot.start_date takes a time"),
        (update("Shot", "SHOT", description={"a": 1}), 400, "Shot.description takes text"),
        (update("Shot", "SHOT", status={"id": 7}), 400, "Shot.status takes an entity"),
        (update("Shot", "SHOT", status="Approved"), 400, "Shot.status takes an entity"),
        (update("Shot", "SHOT", lists=[{"id": "x"}]), 404, "There is no|points to"),
        (update("Shot", "SHOT", lists="x"), 400, "lists takes a list"),
        (update("Task", "SHOT", name="x"), 404, "There is no Task"),
        (update("Note", "SHOT", content="x"), 404, "There is no Note"),
        (create("Note", content="x", parent_id="nowhere"), 404, "which is not there"),
        (create("Note", parent_id="SHOT"), 400, "Note needs content"),
        (create("Metadata", parent_id="nowhere", key="a"), 404, "which is not there"),
        (create("Recipient", note_id="x", resource_id="y"), 404, "points to the Note x"),
        (create("CustomAttributeValue", value=1), 404, "There is no such CustomAttributeConfiguration"),
        (create("Job", type=7), 400, "Job.type takes text"),
        (create("Timelog", duration="long"), 400, "Timelog.duration takes a number"),
        (create("ListObject", list_id="x", entity_id="SHOT"), 404, "points to the List x"),
        (create("Membership", user_id="x", group_id="y"), 404, "points to the"),
        (
            create("Asset", name="a", context_id="SHOT", latest_version={"id": "x"}),
            400,
            "made by the tracker",
        ),
        ({"action": "search", "expression": "select name from Shot", "entity_type": "Task"}, 400, "for Shot"),
        ({"action": "search", "expression": "x"}, 400, "`entity_type`"),
        (
            {"action": "search", "expression": "Shot", "entity_type": "Shot", "terms": "x"},
            400,
            "a list of texts",
        ),
        ({"action": "encode_media"}, 400, "media are not encoded"),
    ],
)
def test_it_is_refused_with_its_reason_and_nothing_of_the_batch_is_done(
    server: Server, shot: dict[str, Any], operation: dict[str, Any], status: int, said: str
) -> None:
    text = json.dumps(operation).replace('"SHOT"', json.dumps(shot["id"]))
    first = update("Shot", shot["id"], description="half")
    answered, answer = ask(server, [first, json.loads(text)])
    assert answered == status
    assert any(each in answer["content"] for each in said.split("|")), answer["content"]
    _, (found,) = ask(server, [query(f"select description from Shot where id is {shot['id']}")])
    assert found["data"][0]["description"] is None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_kept_as_they_are(server: Server, shot: dict[str, Any], text: str) -> None:
    key = {"parent_id": shot["id"], "key": text[:200]}
    status, _ = ask(
        server, [update("Shot", shot["id"], description=text, name=text[:200]), create("Metadata", **key)]
    )
    assert status == 200
    quoted = text[:200].replace("\\", "\\\\").replace('"', '\\"')
    asked = f'select name, description, metadata from Shot where name is "{quoted}" and id is {shot["id"]}'
    _, (found,) = ask(server, [query(asked)])
    (entity,) = found["data"]
    assert (entity["name"], entity["description"]) == (text[:200], text)
    assert [each["key"] for each in entity["metadata"]] == [text[:200]]


@pytest.mark.parametrize("text", HOSTILE[:6])
def test_hostile_names_of_types_attributes_and_keys_are_only_names(
    server: Server, shot: dict[str, Any], text: str
) -> None:
    for operation in (
        create(text, name="x"),
        create("Shot", **{text: "x"}),
        update("Shot", text, name="x"),
        {"action": "delete", "entity_type": text, "entity_key": [text]},
        query(f"select {text} from Shot"),
        query(f"select name from {text}"),
        query(f"Shot order by {text}"),
    ):
        status, answer = ask(server, [operation])
        assert status in (400, 404), answer
        assert answer["exception"] in ("ValidationError", "NotFoundError", "ParseError")
    _, (found,) = ask(server, [query(f"Shot where id is {shot['id']}")])
    assert len(found["data"]) == 1


def test_a_deep_value_is_refused(server: Server) -> None:
    assert ask(server, [create("Project", name="x", metadata=json.loads("[" * 500 + "]" * 500))])[0] == 400


def updates(heard: list[Any]) -> list[dict[str, Any]]:
    """Return what was changed; the creation before may be told late."""
    entries = [entry for event in heard for entry in event["data"]["entities"]]
    return [entry["changes"] for entry in entries if entry["action"] == "update"]


def test_of_a_refused_batch_nothing_is_told(server: Server, shot: dict[str, Any], hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    refused = [update("Shot", shot["id"], name="half"), update("Shot", "nowhere", name="x")]
    assert ask(server, refused)[0] == 404
    assert ask(server, [update("Shot", shot["id"], name="whole")])[0] == 200
    hub.until(lambda: updates(heard), "an update")
    assert updates(heard) == [{"name": {"old": "sh010", "new": "whole"}}]


def test_writers_at_once_leave_one_row_and_a_chain_of_changes(
    server: Server, shot: dict[str, Any], hub: Hub
) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    answers: list[int] = []

    def write(number: int) -> None:
        answers.append(ask(server, [update("Shot", shot["id"], bid=float(number))])[0])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(1, 9)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert answers == [200] * 8
    hub.until(lambda: len(updates(heard)) == 8, "eight updates")
    changes = [each["bid"] for each in updates(heard)]
    assert [each["old"] for each in changes] == [None, *(each["new"] for each in changes[:-1])]
    _, (found,) = ask(server, [query(f"select bid from Shot where id is {shot['id']}")])
    assert found["data"][0]["bid"] == changes[-1]["new"]


def test_of_two_that_create_the_same_one_is_refused(server: Server, shot: dict[str, Any]) -> None:
    answers: list[tuple[int, Any]] = []

    def write() -> None:
        answers.append(ask(server, [create("Task", name="comp", parent_id=shot["id"])]))

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    refused = next(answer for status, answer in answers if status == 409)
    assert refused["exception"] == "DuplicateEntryError"


@pytest.mark.parametrize(
    ("entity", "key"),
    [("Status", "Approved"), ("Type", "Generic"), ("Priority", "None"), ("ObjectType", "Shot")],
)
def test_what_is_in_use_stays(server: Server, shot: dict[str, Any], entity: str, key: str) -> None:
    reference = {"Status": "status", "Type": "type", "Priority": "priority", "ObjectType": "object_type"}[
        entity
    ]
    _, (found,) = ask(server, [query(f'{entity} where name is "{key}"')])
    id_ = found["data"][0]["id"]
    if entity != "ObjectType":
        assert ask(server, [update("Shot", shot["id"], **{f"{reference}_id": id_})])[0] == 200
    status, answer = ask(server, [{"action": "delete", "entity_type": entity, "entity_key": [id_]}])
    assert (status, answer["exception"]) == (409, "IntegrityError")
    assert "point to this by" in answer["content"]


def test_an_answer_that_shows_the_same_again_and_again_is_bounded(connection: Connection) -> None:
    undo = connection.begin_nested()
    operations = Operations(Ledger(connection, MODEL, TABLES, now()), None)
    for number in range(60):
        operations.create("Task", {"name": f"t{number}", "parent_id": "s"})
    operations._ledger.flush()
    for asked in (
        "children.parent",
        "children.parent.children",
        "descendants.ancestors.descendants.ancestors",
    ):
        Selection(connection, MODEL, TABLES).answer(parse(f"select {asked}.name from Shot"))
    for asked in (".".join(["children.parent"] * 5), ".".join(["descendants.ancestors"] * 5)):
        with pytest.raises(Refused, match="larger than 128 MiB"):
            Selection(connection, MODEL, TABLES).answer(parse(f"select {asked}.name from Shot"))
    undo.rollback()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.text(max_size=5), max_size=2),
    st.dictionaries(
        st.sampled_from(["id", "__entity_type__", "value", "__type__"]), st.text(max_size=5), max_size=3
    ),
    st.sampled_from(
        ["p", "s", "2026-11-21", {"id": "p"}, [{"id": "s"}], {"__type__": "datetime", "value": "x"}]
    ),
)


@st.composite
def creations(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    entity = draw(st.sampled_from(sorted(MODEL.types)))
    names = draw(st.lists(st.sampled_from(sorted(MODEL[entity].attributes)), max_size=6, unique=True))
    return entity, {name: draw(VALUES) for name in names}


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """A database with a project `p` and a shot `s`."""
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        TABLES.metadata.create_all(opened)
        seed(opened, MODEL, TABLES)
        ledger = Ledger(opened, MODEL, TABLES, now())
        operations = Operations(ledger, None)
        operations.create("Project", {"id": "p", "name": "p"})
        operations.create("Shot", {"id": "s", "name": "s", "parent_id": "p"})
        ledger.flush()
        yield opened
    engine.dispose()


@settings(max_examples=500, deadline=None)
@given(creations())
def test_any_creation_is_done_or_refused(connection: Connection, made: tuple[str, dict[str, Any]]) -> None:
    """Whatever stands in any attribute of any type: a row that can be read again, or a reason."""
    entity, data = made
    undo = connection.begin_nested()
    ledger = Ledger(connection, MODEL, TABLES, now())
    refused = ""
    try:
        one, row = Operations(ledger, None).create(entity, data)
        ledger.flush()
        tree: Any = {(name, ""): {} for name in one.attributes}
        (found,) = Selection(connection, MODEL, TABLES).entities(one, [row], tree)
        assert found["__entity_type__"] == one.name
    except Refused as error:
        refused = str(error)
    undo.rollback()
    assert refused[-1:] in (".", "?", "")


def test_every_type_can_be_read_and_asked_for_in_every_attribute(connection: Connection) -> None:
    """The model holds together: whatever a schema offers, the query language answers."""
    for one in MODEL.types.values():
        for name, found in one.attributes.items():
            asked = [f"select {name} from {one.name}"]
            match found:
                case Scalar(name="link"):
                    pass
                case Scalar():
                    asked += [f"{one.name} where {name} is none", f"{one.name} order by {name} desc"]
                case Reference() if len(found.targets) > 1:
                    asked.append(f"{one.name} where {name}[{found.targets[0]}] has ()")
                case Reference() | Collection() | Through() | Line() | Newest():
                    asked.append(f"{one.name} where not {name} any ()")
            for each in asked:
                Selection(connection, MODEL, TABLES).answer(parse(each))
