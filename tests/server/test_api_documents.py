"""What the doors say of themselves, and whether it is true."""

from __future__ import annotations

import asyncio
import html.parser
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from callboard.logs.memory import MemoryLog
from callboard.server import problems
from callboard.server.openapi import document
from callboard.server.operations import OPERATIONS
from tests.server.doors import Doors, open_doors

DOCS = Path(__file__).parents[2] / "docs"


async def test_the_openapi_document_names_every_address_and_every_schema_it_refers_to(doors: Doors) -> None:
    status, described = await doors.ask("GET", "/v1/openapi.json", {})
    assert status == 200
    assert described["openapi"].startswith("3.1")
    text = msgspec.json.encode(described).decode()
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == set(described["components"]["schemas"])
    assert {"/v1/events", "/v1/keys/{id}", "/v1/openapi.json", "/v1/docs"} <= set(described["paths"])


async def test_operation_ids_are_unique_and_every_operation_says_what_it_does() -> None:
    described = [each for methods in document(OPERATIONS)["paths"].values() for each in methods.values()]
    ids = [each["operationId"] for each in described]
    assert len(ids) == len(set(ids))
    assert all(each["summary"] for each in described)


class Page(html.parser.HTMLParser):
    """Notes what a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        self.links += [str(values[name]) for name in ("href", "src") if name in values]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_docs_page_stands_alone_and_its_links_lead_somewhere(doors: Doors) -> None:
    async with doors.http.get(f"{doors.url}/v1/docs") as response:
        assert response.content_type == "text/html"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        text = await response.text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert all(
        link == "/v1/openapi.json" or (link[0] == "#" and link[1:] in page.anchors) for link in page.links
    )
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text


async def test_a_browser_at_the_front_door_is_shown_the_docs(doors: Doors) -> None:
    async with doors.http.get(f"{doors.url}/", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "v1/docs")
    async with doors.http.get(f"{doors.url}/") as response:
        assert (response.status, response.url.path) == (200, "/v1/docs")


async def test_every_problem_type_leads_to_its_line_on_the_docs_page(doors: Doors) -> None:
    async with doors.http.get(f"{doors.url}/v1/docs") as response:
        page = Page()
        page.feed(await response.text())
    kinds = {kind.name for kind in vars(problems).values() if isinstance(kind, problems.Kind)}
    assert kinds <= page.anchors


async def test_the_asyncapi_document_names_this_hub(doors: Doors) -> None:
    status, described = await doors.ask("GET", "/v1/asyncapi.json")
    assert status == 200
    assert described["asyncapi"].startswith("3.")
    assert doors.url.removeprefix("http://") in msgspec.json.encode(described["servers"]).decode()


@pytest.mark.parametrize("name", ["http.md", "operations.md"])
def test_the_pages_name_every_address(name: str) -> None:
    text = (DOCS / name).read_text()
    for one in OPERATIONS:
        path = re.sub(r":\w+}", "}", one.path)
        if name == "http.md" or one.group == "Operations":
            assert f"{one.method} {path}" in text, path


async def test_the_operations_page_names_every_metric(doors: Doors) -> None:
    await doors.publish({"topic": "a"})
    async with doors.http.get(f"{doors.url}/metrics") as response:
        names = set(re.findall(r"^# HELP (\w+) ", await response.text(), re.MULTILINE))
    text = (DOCS / "operations.md").read_text()
    assert {name for name in names if f"`{name}`" not in text} == set()


@pytest.mark.slow
async def test_what_the_openapi_document_promises_holds(tmp_path: Path) -> None:
    """Schemathesis asks whatever the document allows, and what it does not."""
    async with open_doors(tmp_path, MemoryLog(), keepalive=0.05) as doors:
        await asyncio.to_thread(explore, doors)


CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
ROUNDS = settings(
    max_examples=20,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


def explore(doors: Doors) -> None:
    schema = schemathesis.openapi.from_url(f"{doors.url}/v1/openapi.json")
    for found in schema.exclude(
        path_regex="stream$|keys/"
    ).get_all_operations():  # it would revoke its own key
        assert isinstance(found, Ok)
        operation = found.ok()
        may_be_wrong = any(one.location != "path" for one in operation.iter_parameters()) or operation.body
        for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
            ROUNDS(given(case=operation.as_strategy(mode))(ask))(doors)


def ask(doors: Doors, case: schemathesis.Case[Any]) -> None:
    case.call_and_validate(headers=dict(doors.admin), checks=CHECKS)
