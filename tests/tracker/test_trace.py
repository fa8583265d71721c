"""What led to a commit: told by a header, carried by its event, so that one act can be followed."""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import ftrack_api
import pytest

from tests.clients.node import needs_node, node
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, serving

TRACE = {"correlation": "c" * 32, "cause": "e" * 32, "hops": 3}

SCRIPT = """
import json, os, pathlib, sys
import ftrack_api

data = pathlib.Path(sys.argv[1])
entity = json.load(sys.stdin)["data"]["entities"][0]
url, key = json.loads((data / "server.json").read_text())["url"], (data / "admin.key").read_text().strip()
headers = {"callboard-trace": os.environ["CALLBOARD_HOOK_TRACE"]}
session = ftrack_api.Session(url, key, "admin", headers=headers, schema_cache_path=False)
session.get("Task", entity["entityId"])["description"] = "seen"
session.commit()
session.close()
"""


def test_a_session_in_python_tells_what_led_to_its_commits(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    headers = {"callboard-trace": json.dumps({**TRACE, "more": "is dropped"})}
    with contextlib.closing(
        ftrack_api.Session(server.url, server.key, server.user, headers=headers, schema_cache_path=False)
    ) as session:
        session.create("Project", {"name": f"trace_{uuid.uuid4().hex[:8]}"})
        session.commit()
    hub.until(lambda: heard, "the commit")
    assert heard[-1]["source"]["trace"] == TRACE


@needs_node
def test_a_session_in_javascript_tells_it_too(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    with node("session.mjs") as session:
        more = {"additionalHeaders": {"callboard-trace": json.dumps(TRACE)}}
        session.do("open", url=server.url, user=server.user, key=server.key, options=more)
        session.said("opened")
        session.do("create", type="Project", data={"name": f"trace_{uuid.uuid4().hex[:8]}"})
        session.said("created")
    hub.until(lambda: heard, "the commit")
    assert heard[-1]["source"]["trace"] == TRACE


@pytest.mark.parametrize(
    "header",
    [
        *("x", "{}", "[]", '{"correlation": "a"}', "x" * 2000, "\xff", "[" * 900),
        json.dumps({**TRACE, "hops": -1}),
        json.dumps({**TRACE, "cause": "x" * 300}),
        json.dumps({**TRACE, "correlation": 7}),
    ],
)
def test_a_header_that_is_no_trace_is_refused_with_what_it_should_be(server: Server, header: str) -> None:
    status, answer = server.post("/api", [{"action": "query_schemas"}], **{"callboard-trace": header})
    said: Any = json.loads(answer)
    assert (status, said["exception"]) == (400, "ValidationError")
    assert "CALLBOARD_HOOK_TRACE" in said["content"]


@pytest.mark.slow
def test_what_a_hooks_script_commits_belongs_to_what_woke_it(tmp_path: Path) -> None:
    data, script = tmp_path / "data", tmp_path / "seen.py"
    script.write_text(SCRIPT)
    (tmp_path / "c.yaml").write_text(
        "tracker:\nevents:\n  subscriptions:\n"
        "    - event: topic=ftrack.update and data.entities.action=add and data.entities.entity_type=Task\n"
        "      type: system\n"
        f"      argv: [{sys.executable}, {script}, {data}]\n"
    )
    with serving(data, "--config", str(tmp_path / "c.yaml")) as server, ftrack_py(server) as hub:
        heard = hub.subscribe("topic=ftrack.update")
        made = [
            {"action": "create", "entity_type": "Project", "entity_data": {"name": "opera", "id": "p"}},
            {"action": "create", "entity_type": "Task", "entity_data": {"name": "print", "parent_id": "p"}},
        ]
        server.post("/api", made[:1])
        server.post("/api", made[1:])
        hub.until(lambda: [one for one in heard if "description" in keys_of(one)], "the script's commit")
        cause = next(one for one in heard if entry_of(one)["entity_type"] == "Task")
        assert heard[-1]["source"]["trace"] == {
            "correlation": cause["id"],
            "cause": cause["id"],
            "hops": 1,
        }


def entry_of(event: Any) -> Any:
    return event["data"]["entities"][0]


def keys_of(event: Any) -> Any:
    return entry_of(event)["keys"] if entry_of(event)["action"] == "update" else []
