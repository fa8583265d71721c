"""SQLite and PostgreSQL answer alike, to the word: what they would do differently by themselves."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.serving import Server
from tests.tracker.commits import change, create, delete


def api(server: Server, *batch: dict[str, Any]) -> tuple[int, Any]:
    status, answer = server.post("/api", list(batch))
    return status, json.loads(answer)


def query(expression: str) -> dict[str, Any]:
    return {"action": "query", "expression": expression}


@pytest.fixture
def project(server: Server) -> str:
    made = f"p{uuid.uuid4().hex[:10]}"
    assert api(server, create("Project", id=made, name=made))[0] == 200
    return made


NAMES = ["a", "B", "c", "Z", "_", "É", "é", "ß", "0", "10", "2", "a b", "a-b", "ab", "😀", "\ufb01"]


@pytest.fixture
def folders(server: Server, project: str) -> str:
    made = [
        create("Folder", parent_id=project, name=name, bid=number if number % 2 else None, description=name)
        for number, name in enumerate(NAMES)
    ]
    assert api(server, *made)[0] == 200
    return project


def names(server: Server, project: str, where: str = "", order: str = "order by name") -> list[str]:
    asked = f'select name from Folder where project_id is "{project}" {where} {order}'
    status, found = api(server, query(asked))
    assert status == 200, found
    return [each["name"] for each in found[0]["data"]]


def test_text_is_ordered_by_its_characters_numbers(server: Server, folders: str) -> None:
    assert names(server, folders) == sorted(NAMES)
    assert names(server, folders, "and name > Z") == sorted(each for each in NAMES if each > "Z")


def test_like_knows_no_case_in_ascii_and_takes_the_rest_as_it_is(server: Server, folders: str) -> None:
    assert names(server, folders, "and name like A%") == ["a", "a b", "a-b", "ab"]
    assert names(server, folders, "and name like é") == ["é"]
    assert names(server, folders, "and name like \\_") == ["_"]
    assert names(server, folders, 'and name like "a\\\\"') == []  # an escape with nothing behind it
    assert names(server, folders, "and name like \\%") == []


def test_who_has_no_value_comes_first(server: Server, folders: str) -> None:
    ups = names(server, folders, order="order by bid, name")
    assert set(ups[:8]) == set(NAMES[::2])
    assert ups[8:] == NAMES[1::2]
    assert names(server, folders, order="order by bid desc, name")[:8] == NAMES[1::2][::-1]


def test_numbers_and_times_come_back_as_they_went(server: Server, project: str) -> None:
    values = [0.1, -2.5e-7, 2**53, -(2**53), 1e15 + 0.5]
    made = [create("Folder", parent_id=project, name=f"n{each}", bid=each) for each in values]
    assert api(server, *made)[0] == 200
    _, found = api(server, query(f'select bid from Folder where project_id is "{project}" order by bid'))
    assert [each["bid"] for each in found[0]["data"]] == sorted(values)
    times = {
        "2026-02-03T04:05:06.789012+00:00": "2026-02-03T04:05:06.789012+00:00",
        "2026-02-03T04:05:06+05:30": "2026-02-02T22:35:06+00:00",
        "0001-01-02T00:00:00": "0001-01-02T00:00:00+00:00",
        "9999-12-30T00:00:00": "9999-12-30T00:00:00+00:00",
    }
    for number, (sent, shown) in enumerate(times.items()):
        task = create("Folder", parent_id=project, name=f"t{number}", start_date=sent)
        status, (made_one,) = api(server, task)
        assert status == 200
        where = f'start_date is "{shown}" and project_id is "{project}"'
        _, found = api(server, query(f"select start_date from Folder where {where}"))
        assert found[0]["data"][0]["start_date"]["value"] == shown == made_one["data"]["start_date"]["value"]


def test_whole_numbers_may_be_large(server: Server, project: str) -> None:
    asset = f"a{project}"
    made = [create("Asset", id=asset, name="plate", context_id=project)]
    made.append(create("AssetVersion", asset_id=asset, version=2**40))
    asked = query(f'select version from AssetVersion where asset_id is "{asset}"')
    status, results = api(server, *made, asked)
    assert (status, results[-1]["data"][0]["version"]) == (200, 2**40)


def refused(server: Server, *batch: dict[str, Any]) -> tuple[int, str, str]:
    status, answer = api(server, *batch)
    return status, answer["exception"], answer["content"]


def test_what_is_there_already_is_refused_in_the_same_words(server: Server, project: str) -> None:
    twice = create("Shot", name="sh010", parent_id=project)
    assert refused(server, twice, twice) == (
        409,
        "DuplicateEntryError",
        "There is one like this already: parent_id, name, kind must differ. This is about Shot 'sh010'.",
    )
    assert refused(server, create("User", username="admin"))[2].endswith(
        "username must differ. This is about 'admin'."
    )
    assert api(server, twice)[0] == 200  # nothing of the refused batch was left
    others = [create("Shot", name=f"sh{number}", parent_id=project) for number in range(7)]
    assert refused(server, *others, twice)[2].endswith(
        "one of Shot 'sh0', Shot 'sh1', Shot 'sh2', Shot 'sh3', Shot 'sh4' and 3 more."
    )
    status, made = api(server, others[0])
    assert status == 200
    renamed = {"action": "update", "entity_type": "Shot", "entity_key": [made[0]["data"]["id"]]}
    said = refused(server, renamed | {"entity_data": {"name": "sh010"}})[2]
    assert said.endswith("This is about Shot 'sh010'.")


def test_who_points_to_what_comes_later_in_the_batch_is_welcome(server: Server, project: str) -> None:
    own = uuid.uuid4().hex
    status, _ = api(
        server,
        create("Location", id=own, name=own),
        create("FileComponent", id=f"c{own}", name="a"),
        create("ComponentLocation", component_id=f"c{own}", location_id=own),
        query(f'Component where id is "c{own}"'),
    )
    assert status == 200
    assert refused(server, delete("Location", own))[:2] == (409, "IntegrityError")


@pytest.mark.parametrize(
    "expression",
    [
        'Task where name is "a\0b"',
        "Task where id in (select bid from Task)",
        "Task where bid in (select name from Task)",
        "Task where bid is 1e300",
        "Task where start_date > 7",
        f"Task where name is '{'x' * 100_000}'",
        "Task where name like '%\\'",
        "Task limit 99999999999999999999",
        "Task offset 99999999999999999999",
        "\0",
        "\\u0000",
    ],
    ids=lambda expression: repr(expression)[:60],
)
def test_an_odd_question_has_an_answer_or_a_reason(server: Server, expression: str) -> None:
    status, answer = api(server, query(expression))
    assert status in (200, 400), answer
    if status == 400:
        assert answer["exception"] in ("ValidationError", "ParseError", "NotSupportedError"), answer


@pytest.mark.parametrize(
    "operation",
    [
        create("Project", name="x" * 100_000),
        create("Project", name="é" * 3_000),
        create("Metadata", parent_id="x" * 150, key="k" * 50_000, value="v"),
        create("Note", content="x", parent_id="\u20ac" * 3_000),
        create("User", username="u" * 3_000),
        delete("Task", "a\0b"),
        change("Task", "a\0b", name="x"),
        create("Task", name="x", parent_id="a\0b"),
        create("Task", name="x", parent={"__entity_type__": "Project", "id": "a\0b"}),
        create("AssetVersion", asset_id="x", version=2**60),
        create("Folder", name="x", parent_id="x", start_date="10000-01-01"),
    ],
    ids=lambda operation: "-".join([operation["action"], operation["entity_type"]]),
)
def test_what_can_not_be_stored_is_the_senders_to_mend(server: Server, operation: dict[str, Any]) -> None:
    status, exception, said = refused(server, operation)
    assert (status, exception) in ((400, "ValidationError"), (404, "NotFoundError")), said
