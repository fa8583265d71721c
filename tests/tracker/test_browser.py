"""The official JavaScript client where it mostly lives: in a page of another origin, in a real browser."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.browser import Pages, needs_chromium
from tests.clients.node import needs_node
from tests.serving import Server, serving

pytestmark = [needs_node, needs_chromium, pytest.mark.slow]


@pytest.fixture
def pages() -> Iterator[Pages]:
    with Pages() as serving_them:
        yield serving_them
        serving_them.shutdown()


@contextlib.contextmanager
def studio(folder: Path, origins: str) -> Iterator[Server]:
    config = folder / "callboard.yaml"
    config.write_text(f"tracker:\nhub:\n  origins: {origins}\n")
    with serving(folder / "data", "--config", str(config)) as server:
        yield server


def opened(pages: Pages, folder: Path, server: Server, name: str) -> dict[str, object]:
    given = {"url": server.url, "user": server.user, "key": server.key, "name": name}
    return pages.open("browser.html", folder / "profile", **given)


def test_a_page_works_with_a_session_hears_answers_and_uploads(pages: Pages, tmp_path: Path) -> None:
    name = f"page_{uuid.uuid4().hex[:8]}"
    with studio(tmp_path, f"[{pages.origin!r}]") as server:
        said = opened(pages, tmp_path, server, name)
        assert "failed" not in said, said
        assert (said["version"], said["found"], said["told"]) == ("25.6.0", [name], ["add"])
        assert said["items"] == [{"label": "From the page", "actionIdentifier": "page"}]
        assert said["refused"] == "Project has no attribute 'nope': did you mean 'notes'?"
        uploaded = said["uploaded"]
        assert isinstance(uploaded, dict)
        assert (uploaded["size"], uploaded["progress"]) == (200_000, 100)
        assert server.get(f"/v1/components/{uploaded['id']}/file") == (200, bytes(200_000))


def test_a_page_of_an_origin_that_is_not_named_gets_nothing(pages: Pages, tmp_path: Path) -> None:
    with studio(tmp_path, "['https://tools.example.com']") as server:
        said = opened(pages, tmp_path, server, "none")
        assert said == {"failed": "ServerError: Failed to fetch"}
