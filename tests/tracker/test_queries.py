"""The query language: what it finds, what it refuses, and that nothing in it becomes code."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import ftrack_api.exception
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.tracker import language
from callboard.tracker.language import Comparison, Inner, Junction, Negation, Step, Within, parse
from callboard.tracker.refusals import Refused


@pytest.fixture(scope="module")
def place(server: Any, tmp_path_factory: Any) -> Any:
    """Return a project with shots a, b and c, their tasks, and a session."""
    from tests.tracker.conftest import open_session

    session = open_session(server, tmp_path_factory.mktemp("queries"))
    project = session.create("Project", {"name": f"queries_{uuid.uuid4().hex[:8]}"})
    approved = session.query('Status where name is "Approved"').one()
    for number, name in enumerate("abc"):
        shot = session.create("Shot", {"name": name, "parent": project, "bid": number + 0.5, "sort": -number})
        session.create("Task", {"name": f"{name}-comp", "parent": shot, "bid": number})
        if name == "b":
            shot["description"] = 'It\'s 100%_"sure" \\ ok'
            session.create("Task", {"name": "b-light", "parent": shot, "status": approved})
    session.commit()
    yield session, project["id"]
    session.close()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Shot where name is a", "a"),
        ("Shot where name = 'a' or name is \"c\"", "a c"),
        ("Shot where name is_not b", "a c"),
        ("Shot where not name is b", "a c"),
        ("Shot where name != b and bid > 1", "c"),
        ("Shot where bid >= 1.5 order by name desc", "c b"),
        ('Shot where name in (a, "c")', "a c"),
        ("Shot where name not_in (a, c)", "b"),
        ("Shot where name in ()", ""),
        ("Shot where description is none order by name", "a c"),
        ("Shot where description is_not None", "b"),
        ('Shot where description is "It\'s 100%_\\"sure\\" \\\\ ok"', "b"),
        ("Shot where description like 'it%100\\%\\_%'", "b"),
        ("Shot where name not_like 'a%' order by name", "b c"),
        ("Shot where description not_like 'It%'", "a c"),
        ("Shot where children any (name like '%light')", "b"),
        ("Shot where children any (name like '%light' and status.name is Approved)", "b"),
        ("Shot where children.name is 'b-light'", "b"),
        ("Shot where not children any (status has (name is Approved))", "a c"),
        ("Shot where children any ()", "a b c"),
        ("Shot where id in (select parent_id from Task where status.name is Approved)", "b"),
        ("Shot where (name is a or name is b)and(bid < 1)", "a"),
        ("Shot where name is a or name is b and bid < 1", "a"),
        ("Shot where project.name like 'queries%' order by sort asc", "c b a"),
        ("Shot order by name limit 2", "a b"),
        ("Shot order by name descending offset 1 limit 1", "b"),
        ("Task where parent.name is b order by name", "b-comp b-light"),
        ("Task where parent[Shot].bid is 1.5 order by name", "b-comp b-light"),
        ("Task where ancestors.name is b order by name", "b-comp b-light"),
        ("Task where ancestors[Shot].bid > 1 order by name", "b-comp b-light c-comp"),
        ("Task where not ancestors any (name is b) order by name", "a-comp c-comp"),
        ("Shot where descendants any (name like '%light')", "b"),
        ("Shot where ancestors any ()", ""),
        ("TypedContext where parent_id is none", ""),
        ("Context where created_at after '2020-01-01' and name is a", "a"),
        ("Shot where created_at before 2020-01-01T00:00:00+00:00", ""),
    ],
)
def test_a_query_finds(place: Any, asked: str, found: str) -> None:
    session, project = place
    key = f'project_id is "{project}"' if "Context w" not in asked else "name is_not nothing"
    head, _, tail = asked.partition(" where ")
    if not tail:
        head, _, tail = asked.partition(" order ")
        text = f"{head} where {key} order {tail}"
    else:
        condition, order, rest = tail.partition(" order by ")
        text = f"{head} where {key} and ({condition}){order}{rest}"
    names = [each["name"] for each in session.query(text)]
    wanted = found.split()
    assert (names if "order" in asked else sorted(names)) == wanted


def test_projections_follow_relations(place: Any) -> None:
    session, project = place
    projections = "name, parent.name, children.status.name"
    text = f"select {projections} from Shot where project_id is {project} and name is b"
    (answer,) = session.call([{"action": "query", "expression": text}])
    (shot,) = answer["data"]
    with session.auto_populating(False):
        assert shot["parent"]["name"].startswith("queries_")
        assert sorted(each["status"]["name"] for each in shot["children"]) == ["Approved", "Not started"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Tsk where name is a", "There is no entity type 'Tsk': did you mean 'Task'?"),
        ("select nam from Task", "Task has no attribute 'nam': did you mean 'name'?"),
        ("Task where nam is a", "has no attribute 'nam'"),
        ("select name.x from Task", "Task.name is a value"),
        ("Task where name.x is a", "Task.name is a value"),
        ("Task where children is a", "ask `children any"),
        ("Task where bid is many", "Task.bid is compared with a number, not 'many'"),
        ("Task where bid like 3", "`like` compares text"),
        ("Task where name", "Expected an operator"),
        ("Task where name is", "Expected a value at character 19, got the end"),
        ("Task where name is 'a", "The quote at character 20 is not closed"),
        ("Task where (name is a", "Expected `\\)`"),
        ("Task where name is a name", "Expected the end"),
        ("Task limit many", "Expected a whole number"),
        ("Task where name between 1", "`between` is not there yet"),
        ("select ancestor.name from Task", "Task has no attribute 'ancestor'"),
        ("select parent[Shot] from Task", "at the end of a projection asks for nothing"),
        ("select parent[Shott].name from Task", "no entity type 'Shott': did you mean 'Shot'"),
        ("select parent[Shot].nam from Task", "Shot has no attribute 'nam'"),
        ("Task order by children.name", "can't be ordered through the collection"),
        ("Task where name is a; drop table context", "Expected the end"),
        ('Task where name"; drop is a', "is no name|not closed|Expected"),
        ("Task where " + " or ".join(["name is a"] * 10_000), "at most 900 conditions"),
        ("Task where " + "(" * 100 + "name is a" + ")" * 100, "nests at most 40"),
        ("Task where " + "not " * 100 + "name is a", "nests at most 40"),
        ("Task where " + ".".join(["parent"] * 20) + " is a", "A path has at most 12 names"),
    ],
)
def test_a_query_that_can_not_be_says_why(place: Any, asked: str, said: str) -> None:
    session, _ = place
    with pytest.raises(ftrack_api.exception.ServerError, match=said):
        session.call([{"action": "query", "expression": asked}])


@pytest.mark.parametrize("text", ["' or 1=1 --", '" or ""="', "%'; DROP TABLE context; --", "\\", "a\\"])
def test_a_value_is_only_a_value(place: Any, text: str) -> None:
    session, project = place
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert session.query(f'Shot where project_id is {project} and name is "{quoted}"').all() == []
    assert len(session.query(f"Shot where project_id is {project}")) == 3


def test_many_conditions_and_values_are_answered(place: Any) -> None:
    session, project = place
    ids = ", ".join(str(uuid.uuid4()) for _ in range(9_000))
    assert session.query(f"Shot where id in ({ids})").all() == []
    names = " or ".join(f"name is n{number}" for number in range(850))
    assert len(session.query(f"Shot where project_id is {project} and (name is a or {names})")) == 1


def test_a_query_is_read_as_it_is_written() -> None:
    query = parse(
        "select a.b, c[D].e from T where not x is 1 and (y in (2,'3') or z any (w like 4%)) order by q desc"
    )
    assert query.projections == ((Step("a"), Step("b")), (Step("c", "D"), Step("e")))
    assert query.where == Junction(
        True,
        (
            Negation(Comparison((Step("x"),), "=", "1")),
            Junction(
                False,
                (
                    Within((Step("y"),), ("2", "3"), False),
                    Inner((Step("z"),), Comparison((Step("w"),), "like", "4%")),
                ),
            ),
        ),
    )
    assert query.order == (((Step("q"),), True),)


WORDS = st.sampled_from(
    [
        *("select", "from", "where", "and", "or", "not", "in", "has", "any", "is", "is_not", "like", "order"),
        *("by", "limit", "offset", "asc", "desc", "Task", "name", "parent.name", "none", "1", "%", "a[B]"),
        *("(", ")", ",", "'", '"', "\\", "=", "!=", "<", ">=", "[", "]"),
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(WORDS, max_size=60).map(" ".join)))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert isinstance(parse(text), language.Query)


@given(st.text(max_size=100))
def test_any_text_can_be_asked_for(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    where = parse(f'Task where name is "{quoted}"').where
    assert isinstance(where, Comparison)
    assert where.value == text
