"""`callboard tracker`: shot lists come in, the production is shown and asked, over HTTP and with a key."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Ran, Shell
from tests.clients.official import Hub
from tests.serving import Server, serving

LIST = """\
Project,Sequence,Shot,Task,Type,Status,Assignee,Description,Bid,Start Date,due
{project},sq010,,,,,,The arrival,,,
{project},sq010,sh010,,,In progress,,"Wide, slow",,2026-11-23,2026-11-27
{project},sq010,sh010,comp,Compositing,Ready to start,{jane},,2.5,,
{project},sq010,sh020,comp,Compositing,,"{jane}, admin",,1,,
{project},sq020,sh010,light,lighting,,,,,,
"""


@pytest.fixture
def shell(server: Server) -> Shell:
    return Shell(server.data)


@pytest.fixture
def jane(session: Any) -> str:
    made = session.create("User", {"username": f"jane_{uuid.uuid4().hex[:6]}"})
    session.commit()
    return str(made["username"])


@pytest.fixture
def project() -> str:
    return f"import_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def listed(project: str, jane: str, tmp_path: Path) -> Path:
    file = tmp_path / "shots.csv"
    file.write_text(LIST.format(project=project, jane=jane))
    return file


def imported(shell: Shell, file: Path, *words: str) -> Ran:
    ran = shell.run("tracker", "import", str(file), *words)
    assert ran.code == 0, ran.err
    return ran


def test_a_shot_list_becomes_a_production(
    shell: Shell, session: Any, listed: Path, project: str, jane: str
) -> None:
    assert imported(shell, listed).out == "9 created, 0 updated, 0 unchanged\n"
    comp = session.query(
        f"Task where name is comp and project.name is {project} and parent.name is sh010"
    ).one()
    assert (comp["type"]["name"], comp["status"]["name"], comp["bid"]) == (
        "Compositing",
        "Ready to start",
        2.5,
    )
    assert [each["resource"]["username"] for each in comp["assignments"]] == [jane]
    shot = comp["parent"]
    assert (shot["description"], shot["status"]["name"]) == ("Wide, slow", "In progress")
    assert (shot["start_date"].date().isoformat(), shot["end_date"].date().isoformat()) == (
        "2026-11-23",
        "2026-11-27",
    )
    assert shot["parent"]["description"] == "The arrival"
    assert [each["name"] for each in comp["ancestors"]] == ["sq010", "sh010"]


def test_a_second_import_changes_what_differs_and_nothing_else(
    shell: Shell, session: Any, listed: Path, jane: str, project: str, hub: Hub
) -> None:
    imported(shell, listed)
    assert imported(shell, listed).out == "0 created, 0 updated, 9 unchanged\n"
    text = listed.read_text().replace("In progress", "Approved").replace(f'"{jane}, admin"', "admin")
    listed.write_text(text + f"{project},sq020,sh010,paint,,,,,,,\n")
    heard = hub.subscribe("topic=ftrack.update")
    dry = imported(shell, listed, "--dry-run")
    assert "updated  Shot        " in dry.out
    assert "status: In progress -> Approved" in dry.out
    assert "created  Task" in dry.out
    assert dry.out.endswith("1 created, 2 updated, 7 unchanged\n")
    assert "Nothing was written" in dry.err
    told = json.loads(imported(shell, listed, "--json").out)
    assert (told["created"], told["updated"], told["unchanged"]) == (1, 2, 7)
    task = next(each for each in told["changes"] if "assignee" in each["values"])
    assert task["path"] == f"{project}/sq010/sh020/comp"
    assert set(task["values"]["assignee"]["old"].split(", ")) == {jane, "admin"}
    assert task["values"]["assignee"]["new"] == "admin"

    def actions() -> list[list[str]]:
        return [sorted(each["action"] for each in event["data"]["entities"]) for event in heard]

    # The new task, the assignment, the shot; what the first import did may be told late.
    hub.until(lambda: ["add", "remove", "update"] in actions(), "one update")


def test_a_list_may_be_json_and_name_its_custom_attributes(
    shell: Shell, session: Any, project: str, tmp_path: Path
) -> None:
    shots = session.query("ObjectType where name is Shot").one()
    fps, hero = f"fps_{project}", f"hero_{project}"
    for key, kind in ((fps, "number"), (hero, "boolean")):
        what = session.query(f"CustomAttributeType where name is {kind}").one()
        session.create("CustomAttributeConfiguration", {"key": key, "type": what, "object_type": shots})
    session.commit()
    rows = [
        {"folder": "shots/day one", "shot": "sh010", fps: 25, hero: True, "assignees": ["admin"]},
        {"folder": "props", "asset build": "crown", "type": "Prop", "bid": None},
    ]
    file = tmp_path / "shots.json"
    file.write_text(json.dumps(rows))
    assert imported(shell, file, "--project", project).out == "6 created, 0 updated, 0 unchanged\n"
    assert imported(shell, file, "--project", project).out == "0 created, 0 updated, 6 unchanged\n"
    shot = session.query(f"Shot where project.name is {project}").one()
    assert (shot["custom_attributes"][fps], shot["custom_attributes"][hero]) == (25.0, True)
    assert [each["name"] for each in shot["ancestors"]] == ["shots", "day one"]
    assert session.query(f"AssetBuild where project.name is {project}").one()["type"]["name"] == "Prop"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "shot,status\nsh010,Aproved\n",
            "line 2, status: there is no status 'Aproved': did you mean 'Approved'?",
        ),
        ("shot,statos\nsh010,Approved\n", "line 2, statos: is no column that an import knows"),
        ("shot,statos\nsh010,Approved\n", "did you mean 'status'?"),
        (
            "shot,assignee\nsh010,nobody\n",
            "line 2, assignee: there is no user 'nobody': a person is one with",
        ),
        (
            "shot,status\na,x\n",
            "line 2, status: there is no status 'x': there are Not started, Ready to start,",
        ),
        ("shot,bid\nsh010,two\n", "line 2, bid: 'two' is no number: write 2.5."),
        ("shot,start\nsh010,tomorrow\n", "line 2, start: 'tomorrow' is no date: write 2026-11-21."),
        ("shot,task,bid\na,b,1\n\na,b,2\n", "line 4, bid: '2' for p/a/b, and '1' on line 2."),
        ('shot,description\na,"x\ny"\nb,x,z\n', "line 4: there are 3 cells and 2 columns."),
        ('shot,description\na,x\nb,"y\nc,z\n', "line 3: a quote is opened in this row and never closed"),
        ('shot,description\na,"x" y\n', "line 2: this is no CSV: ',' expected after"),
        ("sep=;\nshot;statos\na,b;x\n", "line 3, statos: is no column that an import knows"),
        ("shot,shot\na,b\n", "line 1, shot: there are two columns of that name."),
        ("status\nApproved\n", "line 1: no column says where: name one of project, folder,"),
        (
            "shot,asset build\na,b\n",
            "line 2, asset build: a row is about a shot or about an asset build, not both",
        ),
        ("project,status\np,Approved\n", "line 2, status: a project has none"),
        ('[{"shot": "a", "bid": {}}]', "item 1, bid: takes text, a number, true, false, or a list of texts."),
        ('[{"shot": "a"}, 3]', "item 2: this is no object."),
        ('{"shot": "a"}', "it: is no list of at most"),
        ('[{"shot": "a"', "it: is no JSON"),
        ("", "has no rows"),
        ("shot,status\nsh010,A\nsh020,B\n", "nothing was written: 2 faults."),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(
    shell: Shell, project: str, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "shots.csv"
    file.write_text(text)
    ran = shell.run("tracker", "import", str(file), "--project", "p")
    assert ran.code == 1
    assert said in ran.err


def test_after_all_those_faults_nothing_was_written(session: Any) -> None:
    assert session.query("Project where name is p").all() == []


def test_a_row_without_a_project_says_how_to_give_one(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("shot\nsh010\n")
    ran = shell.run("tracker", "import", str(tmp_path / "s.csv"))
    assert "line 2, project: the row names none: fill it in, or pass --project NAME." in ran.err
    (tmp_path / "s.csv").write_text("Projekt,shot\noper,sh010\n")
    ran = shell.run("tracker", "import", str(tmp_path / "s.csv"))
    assert "or pass --project NAME; call the column 'Projekt' 'project' if it is that." in ran.err


def test_lists_of_other_spreadsheets_are_read_too(shell: Shell, project: str, tmp_path: Path) -> None:
    text = "\ufeffShot;Bid;Beschreibung\nsh010;2,5;\n"
    for number, encoding in enumerate(("utf-8", "utf-16")):
        file = tmp_path / f"{number}.csv"
        file.write_text(text if encoding == "utf-8" else text[1:], encoding=encoding)
        assert imported(shell, file, "--project", f"{project}_{number}").out.startswith("2 created")
    shown = shell.run("tracker", "query", f"select bid from Shot where project.name is {project}_1")
    assert shown.out == "bid\n2.5\n"
    (tmp_path / "latin.csv").write_bytes("shot,description\na,Gr\xf6\xdfe\n".encode("latin-1"))
    ran = shell.run("tracker", "import", str(tmp_path / "latin.csv"), "--project", "p")
    assert "latin.csv, line 2: this is no UTF-8; save the list as UTF-8." in ran.err


def test_a_list_may_come_from_another_program(shell: Shell, project: str) -> None:
    ran = shell.run("tracker", "import", "-", "--project", project, stdin="shot\nsh010\n")
    assert ran.out == "2 created, 0 updated, 0 unchanged\n"
    ran = shell.run("tracker", "import", "-", "--project", project, stdin="shot,bid\nsh010,x\n")
    assert "standard input can't be imported, nothing was written: one fault." in ran.err


def test_all_of_a_list_or_nothing(shell: Shell, session: Any, project: str, tmp_path: Path) -> None:
    rows = [{"shot": f"sh{number:03d}"} for number in range(50)]
    (tmp_path / "s.json").write_text(json.dumps([*rows, {"shot": "x\0y"}]))
    ran = shell.run("tracker", "import", str(tmp_path / "s.json"), "--project", project)
    assert ran.code == 1
    assert ran.err.startswith("callboard: ")
    assert session.query(f"Project where name is {project}").all() == []


def test_the_production_is_shown_as_a_tree(shell: Shell, listed: Path, project: str, jane: str) -> None:
    imported(shell, listed)
    shown = shell.run("tracker", "tree", project)
    assert shown.out.splitlines()[:4] == [
        f"{project}  (Project)  active",
        "  sq010  (Sequence)  Not started",
        "    sh010  (Shot)  In progress",
        f"      comp  (Task: Compositing)  Ready to start  @{jane}",
    ]
    assert shell.run("tracker", "tree", project, "--depth", "1").out.count("\n") == 3
    found = json.loads(shell.run("tracker", "tree", project, "--json").out)
    sequence = found["children"][0]
    assert (sequence["kind"], [each["name"] for each in sequence["children"]]) == (
        "Sequence",
        ["sh010", "sh020"],
    )
    none = shell.run("tracker", "tree", "nowhere")
    assert (none.code, none.err) == (
        1,
        "callboard: There is no project 'nowhere': `callboard tracker tree` shows all.\n",
    )


def test_anything_can_be_asked(shell: Shell, listed: Path, project: str, jane: str) -> None:
    imported(shell, listed)
    shown = "name, status.name, assignments.resource.username, bid"
    asked = f"select {shown} from Task where project.name is {project}"
    ran = shell.run("tracker", "query", f"{asked} order by parent.name, bid limit 2")
    head, *rows = (line.split() for line in ran.out.splitlines())
    assert head == ["name", "status.name", "assignments.resource.username", "bid"]
    assert len(rows) == 2
    found = shell.run("tracker", "query", f"{asked} and bid is 2.5", "--json")
    assert json.loads(found.out)["status"]["name"] == "Ready to start"
    nothing = shell.run("tracker", "query", f"{asked} and name is nothing")
    assert (nothing.code, nothing.out) == (1, "")
    wrong = shell.run("tracker", "query", "select nam from Task")
    assert (wrong.code, wrong.err) == (1, "callboard: Task has no attribute 'nam': did you mean 'name'?\n")


def test_where_there_is_no_tracker_or_no_right_it_is_said(
    server: Server, shell: Shell, tmp_path: Path
) -> None:
    with serving(tmp_path / "data") as bare:
        ran = Shell(bare.data).run("tracker", "tree")
    assert (ran.code, "This hub has no tracker: write `tracker:`" in ran.err) == (1, True)
    key = shell.run("keys", "create", "guest").out.strip()
    ran = shell.run("tracker", "tree", "--url", server.url, "--key", key)
    assert (ran.code, "a key with the right `tracker`" in ran.err) == (1, True)
    ran = shell.run("tracker", "import", str(tmp_path / "none.csv"))
    assert (ran.code, "none.csv can't be read: No such file or directory." in ran.err) == (1, True)


@pytest.mark.slow
def test_ten_thousand_rows_are_imported_at_once(
    shell: Shell, session: Any, project: str, tmp_path: Path
) -> None:
    lines = ["sequence,shot,task,type,status,assignee,bid,description"]
    for number in range(10_000):
        place = f"sq{number // 500:03d},sh{number // 4:05d},t{number % 4}"
        lines.append(f"{place},Compositing,In progress,admin,{number % 7},Shot number {number} of the list")
    (tmp_path / "s.csv").write_text("\n".join(lines))
    assert imported(shell, tmp_path / "s.csv", "--project", project).out == (
        "12521 created, 0 updated, 0 unchanged\n"
    )
    assert imported(shell, tmp_path / "s.csv", "--project", project).out == (
        "0 created, 0 updated, 12521 unchanged\n"
    )
