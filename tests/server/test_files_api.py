"""Files over HTTP: in, out, about; whatever is refused says so, and nothing is left of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from yarl import URL

from callboard.event import Event
from callboard.files.room import Files
from callboard.files.store import FileStore
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.server.files import file_operations
from callboard.server.openapi import document
from callboard.server.receiving import Receiving
from tests.server.doors import Doors, open_doors
from tests.server.test_api_documents import ROUNDS, ask

DOCS = Path(__file__).parents[2] / "docs"
PROGRAM = b"G28\nG1 X10 F3000\n"
LOCAL = "/v1/files/local"
MOST = 3_000_000


class Shelf:
    """Doors with a files room behind them."""

    def __init__(self, doors: Doors, room: Files, base: Path) -> None:
        self.doors, self.room, self.base = doors, room, base

    async def ask(self, method: str, path: str = "", **more: Any) -> tuple[int, Any]:
        return await self.doors.ask(method, LOCAL + path, **more)

    async def put(self, path: str, data: Any = PROGRAM, **query: str) -> tuple[int, Any]:
        return await self.ask("PUT", f"/{path}", data=data, params=query)

    async def form(self, data: bytes = PROGRAM, name: str = "arm.gcode", **fields: str) -> tuple[int, Any]:
        """Send a form, its fields behind the file as curl and Cura do."""
        made = aiohttp.FormData(quote_fields=False)
        made.add_field("file", io.BytesIO(data), filename=name)
        for field, value in fields.items():
            made.add_field(field, value)
        return await self.ask("POST", data=made)

    @property
    def on_disk(self) -> list[str]:
        found = (path.relative_to(self.base) for path in self.base.rglob("*"))
        return sorted(str(path) for path in found if not path.name.startswith(".callboard."))


class Late(Files):
    """Stands for a room that needs the hub which the doors open first."""

    def __init__(self, later: list[Files]) -> None:
        self._later = later

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_later")[0], name)


@asynccontextmanager
async def opened(folder: Path, **limits: Any) -> AsyncIterator[Shelf]:
    base = folder / "files"
    store = FileStore(base, max_upload=MOST)
    later: list[Files] = []
    operations = file_operations(Late(later), Receiving(MOST, **limits))
    async with open_doors(folder, operations=operations) as doors:
        bus = HubBus(doors.hub, Principal("callboard"))
        async with Files(bus, store, quiet=0.05) as room:
            later.append(room)
            yield Shelf(doors, room, base)
        await bus.close()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with opened(tmp_path) as shelf:
        yield shelf


async def test_a_file_is_put_shown_listed_got_and_removed(shelf: Shelf) -> None:
    async with shelf.doors.http.put(
        f"{shelf.doors.url}{LOCAL}/parts/arm%3F.gcode", data=PROGRAM, headers=shelf.doors.admin
    ) as response:
        assert response.status == 201
        assert response.headers["Location"] == f"{LOCAL}/parts/arm.gcode"
        made = (await response.json())["file"]
    status, shown = await shelf.ask("GET", "/parts/arm.gcode")
    assert status == 200
    assert shown == {**made, "history": []}
    assert (made["display"], made["size"], made["user"]) == ("arm?.gcode", len(PROGRAM), "admin")
    assert made["sha256"] == hashlib.sha256(PROGRAM).hexdigest()
    _, found = await shelf.doors.ask("GET", "/v1/files?recursive=true")
    assert [one["path"] for one in found["files"]] == ["parts"]
    assert found["files"][0]["children"] == [made]
    assert found["free"] <= found["total"]
    async with shelf.doors.http.get(
        shelf.doors.url + made["refs"]["download"], headers=shelf.doors.admin
    ) as response:
        assert await response.read() == PROGRAM
    assert (await shelf.ask("DELETE", "/parts/arm.gcode"))[0] == 204
    assert (await shelf.ask("GET", "/parts/arm.gcode"))[0] == 404


async def test_a_folder_shows_what_lies_in_it_and_lists_can_be_filtered(shelf: Shelf) -> None:
    await shelf.put("a/b/arm.gcode")
    await shelf.put("a/arm.stl", b"solid")
    _, shown = await shelf.ask("GET", "/a")
    assert [one["path"] for one in shown["children"]] == ["a/arm.stl", "a/b"]
    _, models = await shelf.ask("GET", "?recursive=true&filter=model")
    assert [one["path"] for one in models["files"][0]["children"]] == ["a/arm.stl", "a/b"]
    assert models["files"][0]["children"][1]["children"] == []
    assert (await shelf.ask("GET", "?filter=x"))[0] == 400
    assert (await shelf.ask("GET", "?recursive=perhaps"))[0] == 400


async def test_a_form_as_octoprints_clients_send_it(shelf: Shelf) -> None:
    status, made = await shelf.form(path="parts", print="false", select="false", userdata='{"job": 3}')
    assert (status, made["file"]["path"], made["effectivePrint"]) == (201, "parts/arm.gcode", False)
    assert (await shelf.form(path="parts", noOverwrite="true"))[0] == 409
    assert (await shelf.form(b"G29\n", path="parts"))[0] == 201
    assert (await shelf.form(name="C:\\slicer\\b.gcode"))[1]["file"]["path"] == "b.gcode"
    made_folder = aiohttp.FormData({"foldername": "new", "path": "parts"}, default_to_multipart=True)
    status, folder = await shelf.ask("POST", data=made_folder)
    assert (status, folder["file"]["path"], folder["file"]["type"]) == (201, "parts/new", "folder")
    assert shelf.on_disk == ["b.gcode", "parts", "parts/arm.gcode", "parts/new"]
    _, events = await shelf.doors.ask("GET", "/v1/events?expression=topic=octoprint.Upload")
    assert events["events"][0]["event"]["data"]["userdata"] == {"job": 3}


async def test_a_large_file_streams_in_and_out(shelf: Shelf) -> None:
    data = bytes(range(256)) * 8000
    assert (await shelf.put("big.gcode", io.BytesIO(data)))[0] == 201
    assert (await shelf.form(data, name="big2.gcode"))[0] == 201
    assert (shelf.base / "big.gcode").read_bytes() == (shelf.base / "big2.gcode").read_bytes() == data


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("../x.gcode", 400),
        ("%2e%2e/x.gcode", 400),
        ("a/%2E%2E%2F%2E%2E/x.gcode", 400),
        ("..%5cx.gcode", 400),
        ("%3F%3F/x.gcode", 400),
        ("x.exe", 415),
        ("x", 415),
        ("%00.exe", 415),
        ("a" * 5000 + ".gcode", 400),
        ("x.gcode/y.gcode", 409),
        ("/".join("a" * 20) + ".gcode", 400),
    ],
)
async def test_a_hostile_name_is_refused_and_leaves_nothing(shelf: Shelf, path: str, status: int) -> None:
    url = URL(f"{shelf.doors.url}{LOCAL}/{path}", encoded=True)
    async with shelf.doors.http.put(url, data=PROGRAM, headers=shelf.doors.admin) as response:
        assert response.status == status
        assert response.content_type == "application/problem+json"
        assert (await response.json())["detail"].endswith(".")
    assert shelf.on_disk == []
    assert [path.name for path in shelf.base.parent.iterdir() if path.suffix == ".gcode"] == []


async def test_a_line_break_in_a_name_is_left_out_as_other_signs_are(shelf: Shelf) -> None:
    url = URL(f"{shelf.doors.url}{LOCAL}/a%0Ab%0D%0A.gcode%0A", encoded=True)
    async with shelf.doors.http.put(url, data=PROGRAM, headers=shelf.doors.admin) as response:
        assert response.status == 201
        assert (await response.json())["file"]["path"] == "ab.gcode"
    assert shelf.on_disk == ["ab.gcode"]


async def test_a_file_is_no_folder(shelf: Shelf) -> None:
    await shelf.put("arm.gcode")
    status, problem = await shelf.put("arm.gcode/b.gcode")
    assert status == 404
    assert problem["detail"] == "There is no folder 'arm.gcode': a file is in its place, or higher up."


async def test_what_is_taken_stays_when_asked_for(shelf: Shelf) -> None:
    await shelf.put("arm.gcode")
    status, problem = await shelf.put("arm.gcode", b"G29\n", overwrite="false")
    assert (status, problem["type"]) == (409, "/v1/docs#conflict")
    assert (await shelf.put("Arm.gcode"))[0] == 409
    assert (await shelf.put("arm.gcode", b"G29\n"))[0] == 201


async def test_a_file_that_prints_is_neither_changed_nor_removed(shelf: Shelf) -> None:
    await shelf.put("parts/arm.gcode")
    shelf.room.store.hold("parts/arm.gcode", "mk3")
    assert (await shelf.ask("GET", "/parts/arm.gcode"))[1]["busy"] is True
    for method, path, more in (
        ("PUT", "/parts/arm.gcode", {"data": b"G29\n"}),
        ("DELETE", "/parts/arm.gcode", {}),
        ("DELETE", "/parts?recursive=true", {}),
        ("POST", "/parts", {"json": {"command": "move", "destination": "x"}}),
    ):
        status, problem = await shelf.ask(method, path, **more)
        assert status == 409
        assert "printing on mk3" in problem["detail"]
    assert (shelf.base / "parts/arm.gcode").read_bytes() == PROGRAM


async def test_files_and_folders_are_moved_copied_made_and_analysed(shelf: Shelf) -> None:
    await shelf.put("arm.gcode")
    for path, command, destination, status, made in (
        ("/arm.gcode", "move", "old/", 201, "old/arm.gcode"),
        ("/old/arm.gcode", "copy", "/", 201, "arm.gcode"),
        ("/old", "copy", "older", 201, "older"),
        ("/new", "folder", "", 201, "new"),
        ("/arm.gcode", "analyse", "", 200, "arm.gcode"),
    ):
        more = {"destination": destination} if destination else {}
        found, body = await shelf.ask("POST", path, json={"command": command, **more})
        assert (found, body["path"]) == (status, made)
    assert shelf.on_disk == ["arm.gcode", "new", "old", "old/arm.gcode", "older", "older/arm.gcode"]
    for body in (
        {"command": "move"},
        {"command": "burn"},
        {"command": "copy", "destination": "../x"},
        {},
        [],
        3,
    ):
        assert (await shelf.ask("POST", "/arm.gcode", json=body))[0] == 400
    assert (await shelf.ask("POST", "/missing.gcode", json={"command": "analyse"}))[0] == 404


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_that_is_too_large_is_refused(shelf: Shelf, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    body = io.BytesIO(b"x" * (MOST + 1)) if announced else pieces()
    status, problem = await shelf.put("big.gcode", body)
    assert (status, problem["type"]) == (413, "/v1/docs#too-big")
    assert shelf.on_disk == []


async def test_a_client_that_sends_all_before_it_reads_learns_why_it_was_refused(shelf: Shelf) -> None:
    large = b"x" * 2_500_000
    assert (await shelf.put("virus.exe", io.BytesIO(large)))[0] == 415
    assert (await shelf.form(large, name="virus.exe"))[0] == 415
    assert (await shelf.put("a.gcode", io.BytesIO(large), overwrite="perhaps"))[0] == 400


async def test_a_client_that_asks_first_sends_nothing_that_is_refused(shelf: Shelf) -> None:
    sent: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        sent.append(1)
        yield b"x" * 100_000

    status, _ = await shelf.ask("PUT", "/virus.exe", data=pieces(), expect100=True)
    assert (status, sent) == (415, [])


async def test_a_client_that_goes_in_the_middle_leaves_nothing(shelf: Shelf) -> None:
    begun = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 1_500_000
        begun.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(shelf.put("parts/arm.gcode", pieces()))
    await begun.wait()
    await until(lambda: any(".part" in name for name in shelf.on_disk))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: shelf.on_disk == [])


async def test_a_client_that_says_nothing_is_told_so(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 100
        await asyncio.sleep(60)

    async with opened(tmp_path, silence=0.2) as shelf:
        status, problem = await shelf.put("arm.gcode", pieces())
        assert (status, problem["type"]) == (408, "/v1/docs#too-slow")
        assert shelf.on_disk == []


async def test_too_many_at_once_are_told_to_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path, together=0) as shelf:
        status, problem = await shelf.put("arm.gcode")
        assert (status, problem["type"]) == (503, "/v1/docs#busy")


MEDIA = "multipart/form-data; boundary=x"
FORMS = [
    (b"", MEDIA),
    (b"--x\r\n", MEDIA),
    (b"nothing", "multipart/form-data"),
    (b"{}", "application/json"),
    (
        b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ny\r\n--x--',
        MEDIA,
    ),
    (
        b'--x\r\nContent-Disposition: form-data; name="path"\r\n\r\ny\r\n--x--',
        MEDIA,
    ),
    (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gcode"\r\n\r\nhalf',
        MEDIA,
    ),
    (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gcode"\r\n\r\ny\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="b.gcode"\r\n\r\ny\r\n--x--',
        MEDIA,
    ),
]


@pytest.mark.parametrize(("body", "media"), FORMS)
async def test_a_form_that_is_none_leaves_nothing(shelf: Shelf, body: bytes, media: str) -> None:
    headers = {**shelf.doors.admin, "Content-Type": media}
    assert (await shelf.ask("POST", headers=headers, data=body))[0] == 400
    assert shelf.on_disk == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", "../.."),
        ("userdata", "{"),
        ("userdata", "[" * 5000),
        ("noOverwrite", "maybe"),
        ("path", "x" * 9999),
    ],
)
async def test_a_form_with_an_odd_field_leaves_nothing(shelf: Shelf, field: str, value: str) -> None:
    assert (await shelf.form(PROGRAM, "arm.gcode", **{field: value}))[0] == 400
    assert shelf.on_disk == []


async def test_a_range_is_sent_and_what_is_known_is_not_sent_again(shelf: Shelf) -> None:
    await shelf.put("arm.gcode")
    path = f"{shelf.doors.url}{LOCAL}/arm.gcode?download=true"

    async def get(method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
        sent = {**shelf.doors.admin, **headers}
        async with shelf.doors.http.request(method, path, headers=sent) as response:
            return response.status, await response.read(), response.headers

    status, body, headers = await get()
    assert (status, body) == (200, PROGRAM)
    assert headers["Content-Disposition"] == "attachment; filename=\"arm.gcode\"; filename*=UTF-8''arm.gcode"
    assert headers["X-Content-Type-Options"] == "nosniff"
    etag = headers["ETag"]
    for asked, start, end in (
        ("bytes=4-7", 4, 8),
        ("bytes=-3", 14, 17),
        ("bytes=4-", 4, 17),
        ("bytes=0-99", 0, 17),
    ):
        status, body, headers = await get(Range=asked)
        assert body == PROGRAM[start:end]
        assert status == (206 if end - start < 17 else 200)
    assert headers["Content-Length"] == "17"
    for ignored in ("bytes=2-1", "lines=1-2", "bytes=0-1,3-4", "bytes=-", "bytes=x-y"):
        assert (await get(Range=ignored))[:2] == (200, PROGRAM)
    status, _, headers = await get(Range="bytes=17-")
    assert (status, headers["Content-Range"]) == (416, "bytes */17")
    assert (await get(**{"If-None-Match": etag}))[:2] == (304, b"")
    assert (await get(**{"If-Range": etag, "Range": "bytes=0-0"}))[:2] == (206, b"G")
    assert (await get(**{"If-Range": '"old"', "Range": "bytes=0-0"}))[:2] == (200, PROGRAM)
    status, body, headers = await get("HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "17")
    assert (await shelf.ask("GET", "?download=true"))[0] == 200
    assert (await shelf.ask("GET", "/missing.gcode?download=true"))[0] == 404


async def test_a_name_cannot_break_out_of_the_header_it_is_sent_in(shelf: Shelf) -> None:
    await shelf.form(name="größe 'x'` %41.gcode")
    (path,) = shelf.on_disk
    url = URL(f"{shelf.doors.url}{LOCAL}/{quote(path)}?download=true", encoded=True)
    async with shelf.doors.http.get(url, headers=shelf.doors.admin) as response:
        assert response.status == 200
        assert response.content_disposition is not None
        assert response.content_disposition.filename == path


async def test_a_printer_is_asked_to_print_what_came_in(shelf: Shelf) -> None:
    host = HubBus(shelf.doors.hub, Principal("host"))
    asked: list[Any] = []

    def answer(event: Event) -> dict[str, Any]:
        asked.append((event.topic, event.data["printer"], event.data["file"]))
        return {"success": True, "message": "x"}

    host.subscribe("topic=callboard.printer.*", answer)
    assert (await shelf.put("a.gcode", print="true"))[1]["effectivePrint"] is False  # there is no printer
    shelf.doors.hub.state.set("printers/mk3/state", {"id": "OPERATIONAL"})
    assert (await shelf.put("a.gcode", print="true"))[1]["effectivePrint"] is True
    assert (await shelf.form(select="true"))[1]["effectiveSelect"] is True
    shelf.doors.hub.state.set("printers/mk4/state", {"id": "OPERATIONAL"})
    status, problem = await shelf.put("b.gcode", print="true")
    assert (status, problem["detail"]) == (400, "Say on which printer, with `printer`: there are mk3, mk4.")
    assert (await shelf.put("b.gcode", print="mk4"))[1]["effectivePrint"] is True
    assert (await shelf.put("c.gcode", select="true", printer="mk3"))[1]["effectiveSelect"] is True
    assert asked == [
        ("callboard.printer.print", "mk3", "a.gcode"),
        ("callboard.printer.select", "mk3", "arm.gcode"),
        ("callboard.printer.print", "mk4", "b.gcode"),
        ("callboard.printer.select", "mk3", "c.gcode"),
    ]
    await host.close()


async def test_what_lies_on_printers_cards_is_listed(shelf: Shelf) -> None:
    card = {
        "mounted": True,
        "files": [{"name": "/ARM~1.GCO", "size": 12, "long": "arm.gcode"}, 3, {"name": 1}],
    }
    shelf.doors.hub.state.set("printers/mk3/sd", card)
    shelf.doors.hub.state.set("printers/mk4/sd", "odd")
    status, found = await shelf.doors.ask("GET", "/v1/files/sdcard")
    (one,) = found["files"]
    assert status == 200
    assert {key: one[key] for key in ("origin", "printer", "path", "display", "size")} == {
        "origin": "sdcard",
        "printer": "mk3",
        "path": "ARM~1.GCO",
        "display": "arm.gcode",
        "size": 12,
    }
    await shelf.put("arm.gcode")
    _, everything = await shelf.doors.ask("GET", "/v1/files")
    assert [one["origin"] for one in everything["files"]] == ["local", "sdcard"]


async def test_files_need_the_right_to_printers(shelf: Shelf) -> None:
    plain, printers = shelf.doors.headers("plain"), shelf.doors.headers("shop", rights=["printers"])
    for method, path in (("GET", ""), ("PUT", "/a.gcode"), ("POST", ""), ("DELETE", "/a.gcode")):
        assert (await shelf.ask(method, path, headers=plain))[0] == 403
        assert (await shelf.ask(method, path, headers={}))[0] == 401
    assert (await shelf.ask("PUT", "/a.gcode", headers=printers, data=PROGRAM))[1]["file"]["user"] == "shop"


def test_the_pages_name_every_address_of_files() -> None:
    text = (DOCS / "files.md").read_text()
    for path, methods in document(file_operations(Late([]), Receiving(1)))["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in text, path


@pytest.mark.slow
async def test_what_the_openapi_document_promises_of_files_holds(tmp_path: Path) -> None:
    """Schemathesis asks whatever the document allows, and what it does not."""
    async with opened(tmp_path) as shelf:
        await asyncio.to_thread(explore, shelf.doors)


def explore(doors: Doors) -> None:
    schema = schemathesis.openapi.from_url(f"{doors.url}/v1/openapi.json")
    for found in schema.include(path_regex="^/v1/files").get_all_operations():
        assert isinstance(found, Ok)
        for mode in GenerationMode:
            ROUNDS(given(case=found.ok().as_strategy(mode))(ask))(doors)


async def until(true: Any) -> None:
    """Wait for a condition, for 20 s at most."""
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
