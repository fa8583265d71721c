"""The catalog as an AsyncAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from callboard import catalog

SPECIFICATION = Path(__file__).parents[1] / "node/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return catalog.asyncapi("https://hub.example.com:8030", "0.1.0")


@pytest.mark.skipif(
    not SPECIFICATION.exists(), reason="npm's @asyncapi/specs is not installed (npm ci in tests/node)"
)
def test_the_document_is_valid_by_asyncapis_own_schema(document: dict[str, Any]) -> None:
    valid = jsonschema_rs.validator_for(json.loads(SPECIFICATION.read_text("utf-8")))
    valid.validate(document)
    assert not valid.is_valid({**document, "operations": {"x": {"action": "shout"}}})


def test_every_topic_that_reaches_a_hub_has_a_channel_and_operations(document: dict[str, Any]) -> None:
    heard = {topic.name for topic in catalog.CATALOG.values() if not topic.local}
    assert set(document["channels"]) == heard
    assert {name.partition(".")[2] for name in document["operations"]} == heard
    assert "hear.ftrack.meta.subscribe" not in document["operations"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_example_is_valid_by_its_messages_payload(document: dict[str, Any]) -> None:
    for message in document["components"]["messages"].values():
        valid = jsonschema_rs.validator_for({**message["payload"], "components": document["components"]})
        for example in message["examples"]:
            valid.validate(example["payload"])


def test_the_server_is_reached_as_its_address_says(document: dict[str, Any]) -> None:
    assert document["servers"]["hub"]["host"] == "hub.example.com:8030"
    assert document["servers"]["hub"]["protocol"] == "wss"
    assert catalog.asyncapi("http://127.0.0.1:8030", "0")["servers"]["hub"]["protocol"] == "ws"


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
