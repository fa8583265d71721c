"""Where the hub is and who we are, in the order that contract.md promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callboard.client.credentials import Credentials, NoHub, address, data_folder, find
from callboard.errors import Unauthenticated

ENV = {"CALLBOARD_URL": "http://env:1", "CALLBOARD_API_USER": "eve", "CALLBOARD_API_KEY": "ek"}
STUDIO = {"FTRACK_SERVER": "https://studio", "FTRACK_API_USER": "stu", "FTRACK_API_KEY": "sk"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:8030", "pid": 1}))
    (tmp_path / "admin.key").write_text("ak\n")
    return tmp_path


def test_arguments_come_first(folder: Path) -> None:
    environ = {**ENV, "CALLBOARD_DATA": str(folder)}
    assert find("http://arg", "ann", "k", environ=environ) == Credentials("http://arg", "ann", "k")


def test_the_environment_comes_before_the_data_folder(folder: Path) -> None:
    environ = {**ENV, **STUDIO, "CALLBOARD_DATA": str(folder)}
    assert find(environ=environ) == Credentials("http://env:1", "eve", "ek")


def test_the_data_folder_comes_before_the_studio(folder: Path) -> None:
    environ = {**STUDIO, "CALLBOARD_DATA": str(folder)}
    assert find(environ=environ) == Credentials("http://127.0.0.1:8030", "admin", "ak")


def test_the_studio_comes_last(tmp_path: Path) -> None:
    environ = {**STUDIO, "CALLBOARD_DATA": str(tmp_path)}
    assert find(environ=environ) == Credentials("https://studio", "stu", "sk")


def test_a_data_folder_that_is_given_is_an_argument(folder: Path) -> None:
    assert find(data=folder, environ=ENV) == Credentials("http://127.0.0.1:8030", "admin", "ak")


def test_the_admin_key_is_only_used_for_the_hub_that_wrote_it(folder: Path) -> None:
    environ = {"CALLBOARD_DATA": str(folder)}
    assert find("http://localhost:8030/", environ=environ) == Credentials(
        "http://localhost:8030", "admin", "ak"
    )
    with pytest.raises(Unauthenticated):
        find("http://elsewhere:8030", environ=environ)


def test_a_studio_key_never_reaches_another_server(tmp_path: Path) -> None:
    environ = {**STUDIO, "CALLBOARD_DATA": str(tmp_path)}
    with pytest.raises(Unauthenticated, match="No user and key known for http://elsewhere"):
        find("http://elsewhere", environ=environ)
    with pytest.raises(NoHub):
        find(user="ann", key="k", environ=environ)


def test_a_studio_key_is_used_for_its_own_server(tmp_path: Path) -> None:
    environ = {**STUDIO, "CALLBOARD_DATA": str(tmp_path)}
    assert find("https://studio/", environ=environ) == Credentials("https://studio", "stu", "sk")


def test_a_key_is_taken_with_its_user_only(folder: Path) -> None:
    with pytest.raises(Unauthenticated, match="No key known"):
        find(user="ann", data=folder, environ={})


def test_nothing_known_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoHub, match="callboard serve"):
        find(data=tmp_path, environ={})


@pytest.mark.parametrize("left", ["", "{", "[]", "null", '{"url": 5}', "\x00"])
def test_a_broken_server_json_is_as_good_as_none(tmp_path: Path, left: str) -> None:
    (tmp_path / "server.json").write_text(left)
    with pytest.raises((NoHub, Unauthenticated)):
        find(data=tmp_path, environ={})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://h:1", "http://h:1"),
        ("http://h:1/", "http://h:1"),
        ("h:1", "http://h:1"),
        (" h ", "http://h"),
        ("wss://h/board/", "https://h/board"),
        ("ws://h", "http://h"),
        ("http://[::1]:8030/", "http://[::1]:8030"),
        ("HTTPS://Studio.Example/", "https://studio.example"),
    ],
)
def test_an_address_may_be_written_in_many_ways(given: str, meant: str) -> None:
    assert address(given) == meant


@pytest.mark.parametrize(
    "given", ["", "ftp://h", "http://", "http://h:port", "http://[::1", "http://h:99999"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(NoHub):
        address(given)


def test_a_key_does_not_show_when_it_is_printed() -> None:
    assert "secret" not in repr(Credentials("http://h", "ann", "secret"))


def test_the_data_folder_is_the_argument_then_the_environment_then_the_users(tmp_path: Path) -> None:
    assert data_folder(tmp_path, {"CALLBOARD_DATA": "/x"}) == tmp_path
    assert data_folder(None, {"CALLBOARD_DATA": "/x"}) == Path("/x")
    assert data_folder(None, {}).name == "callboard"


def test_a_key_alone_says_whose_it_is(folder: Path) -> None:
    assert find(key="k", data=folder, environ=ENV) == Credentials("http://127.0.0.1:8030", "", "k")
    assert find(key="k", environ=ENV | {"CALLBOARD_DATA": str(folder)}) == Credentials(
        "http://env:1", "", "k"
    )


def test_a_program_is_told_what_to_pass(tmp_path: Path) -> None:
    for asked in ({}, {"url": "http://h"}):
        with pytest.raises((NoHub, Unauthenticated), match=r"connect\(url, user, key\)"):
            find(**asked, data=tmp_path, environ={})
