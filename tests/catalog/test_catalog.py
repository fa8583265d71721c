"""The catalog against the seeds that it comes from, and against itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from callboard import catalog
from callboard.catalog.payload import Payload, Topic
from callboard.catalog.schema import listed, payload_schema, reply_schema
from tests.catalog.seeds import SEEDS, paths, print_seed, studio_seed

needs_seeds = pytest.mark.skipif(
    not SEEDS.is_dir(), reason=f"the seeds are not part of this repository; they are looked for in {SEEDS}"
)
ROOT = Path(__file__).parents[2]
topics = pytest.mark.parametrize("topic", catalog.CATALOG.values(), ids=lambda topic: topic.name)


def stated(type_: Any) -> dict[str, str]:
    return {key.path: key.origin for key in listed(type_)}


def covers(known: dict[str, str], path: str) -> bool:
    """True when the catalog has a seed's key, by name or inside a mapping with free keys."""
    if known.get(path) == "seed":
        return True
    above = path.rpartition(".")[0]
    inside = [each for each in known if each.startswith(f"{above}.")]
    free = all(each.startswith(f"{above}.*.") for each in inside)
    return bool(above) and free and covers(known, above)


@needs_seeds
def test_every_event_of_the_print_seed_is_there_with_exactly_its_keys_as_the_seeds_own() -> None:
    seed = print_seed()
    assert len(seed) == 41
    found = {
        name: {key for key, origin in stated(known.payload).items() if origin == "seed" and "." not in key}
        for name in seed
        if (known := catalog.topic(name)) is not None
    }
    assert found == seed


@needs_seeds
def test_every_key_of_the_studio_seeds_examples_is_there_as_the_seeds_own() -> None:
    seed = studio_seed()
    assert len(seed) == 10
    for name, (data, reply) in seed.items():
        known = catalog.CATALOG[name]
        assert [path for path in paths(data) if not covers(stated(known.payload), path)] == []
        assert [path for path in paths(reply or {}) if not covers(stated(known.reply), path)] == []
        assert (reply is None) == (known.reply is None)


@needs_seeds
def test_nothing_claims_to_be_the_seeds_that_is_not() -> None:
    known = {topic.name for topic in catalog.CATALOG.values() if topic.seed}
    meta = {"ftrack.meta.subscribe", "ftrack.meta.unsubscribe", "ftrack.meta.reply"}
    alias = {"octoprint.MetadataAnalysisFinished"}
    assert known == {f"octoprint.{name}" for name in print_seed()} | set(studio_seed()) | meta | alias


@topics
def test_an_example_is_valid_by_its_own_schema_and_its_own_type(topic: Topic) -> None:
    example = json.loads(json.dumps(dict(topic.example)))
    jsonschema_rs.validator_for(payload_schema(topic)).validate(example)
    assert isinstance(msgspec.convert(example, topic.payload), Payload)
    schema = reply_schema(topic)
    assert (schema is None) == (topic.reply is None) == (topic.reply_example is None)
    if schema is not None:
        jsonschema_rs.validator_for(schema).validate(topic.reply_example)
        msgspec.convert(topic.reply_example, topic.reply)


@topics
def test_an_example_shows_every_key_that_is_always_there_and_no_unknown_one(topic: Topic) -> None:
    always = {key.path for key in listed(topic.payload) if key.always and "." not in key.path}
    assert always <= set(topic.example)
    if catalog.keys(topic):
        assert set(topic.example) <= catalog.keys(topic)


@topics
def test_every_topic_and_key_says_in_one_line_what_it_is(topic: Topic) -> None:
    assert topic.description.endswith(".")
    assert "\n" not in topic.description
    assert topic.source
    assert topic.published_by
    for key in (*listed(topic.payload), *(listed(topic.reply) if topic.reply else ())):
        assert key.origin in {"seed", "today", "callboard"}, key
        assert key.description.endswith("."), key


def test_the_catalog_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        catalog.CATALOG["x"] = None  # type: ignore[index]


def test_unknown_keys_and_topics_are_fine() -> None:
    valid = jsonschema_rs.validator_for(catalog.json_schema("octoprint.PrintDone"))
    valid.validate({"file": "a.gcode", "origin": "local", "time": 1.5, "mine": True})
    assert catalog.json_schema("my-studio.topic") == {
        "$schema": "https://json-schema.org/draft/2020-12/schema"
    }
    assert catalog.keys("my-studio.topic") == frozenset()
    assert catalog.topic("my-studio.topic") is None


def test_keys_are_those_on_the_wire() -> None:
    assert {"file", "origin", "time", "path"} <= catalog.keys("PrintDone")
    assert {"entities", "user"} <= catalog.keys("ftrack.update")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PrintDnoe", "PrintDone"),
        ("printdone", "PrintDone"),
        ("octoprint.PrintFinished", "octoprint.PrintFailed"),
        ("MetadataAnalysisFinishd", "MetadataAnalysisFinished"),
        ("ftrack.updates", "ftrack.update"),
        ("ftrack.action.lanch", "ftrack.action.launch"),
        ("my-studio.render", None),
        ("x" * 100_000, None),
    ],
)
def test_a_slip_of_the_pen_finds_the_nearest_topic(written: str, meant: str | None) -> None:
    assert catalog.nearest(written) == meant


def test_docs_events_is_what_the_catalog_makes() -> None:
    written = (ROOT / "docs" / "events.md").read_text("utf-8")
    assert written == catalog.page(), (
        "run: python -c 'from callboard import catalog; print(catalog.page(), end=\"\")'"
    )


def test_importing_the_catalog_makes_no_topics() -> None:
    code = (
        "import sys, callboard.catalog; print([m for m in sys.modules if m.startswith('callboard.catalog.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
