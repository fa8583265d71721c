"""Settings over HTTP: the configuration's file as it stands, and changed with its comments kept.

    GET  -> text, version          PUT -> File.replace(edit of the text) -> what changed

The file holds hooks, and a hook is a command: who may read or write it here needs the right `hooks` too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from starlette.responses import Response

from callboard.config.difference import Taken
from callboard.config.editing import Outdated, edited
from callboard.errors import BadConfig
from callboard.hooks.fields import BadHook
from callboard.server import settingshapes as shapes
from callboard.server.body import decode
from callboard.server.hooks import BAD_CONFIG
from callboard.server.operation import JSON, Call, Operation, Outcome, Parameter, json
from callboard.server.problems import BAD_REQUEST, CHANGED, DENIED, NOT_FOUND, Problem

RIGHT: Final = "settings"
_YAML: Final = "application/yaml"
_TEXT: Final = 4 << 20


class File(Protocol):
    """The configuration's file, as the board has it."""

    path: Path

    async def read(self) -> tuple[str, str]:
        """Return what stands in it, and what names that text."""

    async def replace(self, edit: Callable[[str], str], version: str | None = None) -> Taken:
        """Edit it and take what it says; raises BadHook, BadConfig, Outdated or StorageFailed."""


def settings_operations(file: File | None) -> tuple[Operation, ...]:
    """Return the operations at /v1/settings; without a configuration's file they say how to have one."""
    door = SettingsDoor(file)
    return (
        Operation(
            method="GET",
            path="/v1/settings",
            answer=door.read_settings,
            group="Settings",
            rights=(RIGHT,),
            outcomes=(Outcome(200, "The file.", shapes.SettingsFile),),
        ),
        Operation(
            method="PUT",
            path="/v1/settings",
            answer=door.write_settings,
            group="Settings",
            rights=(RIGHT,),
            parameters=(
                Parameter("If-Match", "The `version` that was read: another one is refused.", where="header"),
            ),
            body={JSON: dict[str, Any], _YAML: str},
            outcomes=(Outcome(200, "Taken.", shapes.SettingsChanged),),
            example="""-d '{"log": {"keep": "90d"}}'""",
        ),
    )


class SettingsDoor:
    """Answers for the configuration's file."""

    def __init__(self, file: File | None) -> None:
        self._found = file

    async def read_settings(self, call: Call) -> Response:
        """Give the configuration's file.

        Needs the right `hooks` too: commands stand in it.
        """
        file = self._file(call)
        text, version = await file.read()
        found = shapes.SettingsFile(str(file.path), version, text)
        return json(found, headers={"ETag": f'"{version}"'})

    async def write_settings(self, call: Call) -> Response:
        """Change settings, or write the whole file.

        As JSON: what is named is set, null takes a setting out, comments and all else stay. As YAML: the
        whole file. It is checked first, and one with a fault changes nothing; the file before is kept
        beside it. Hooks are taken into use at once; what `restart` names waits for a restart.
        """
        file = self._file(call)
        async with call.house.bodies.read(call.request, _TEXT) as body:
            whole = call.request.headers.get("content-type", "").startswith(_YAML)
            edit = _whole(body) if whole else _merging(body)
        try:
            taken = await file.replace(edit, _version(call))
        except (BadHook, BadConfig) as error:
            raise Problem(BAD_CONFIG, str(error)) from None
        except Outdated as error:
            raise Problem(CHANGED, str(error)) from None
        changes = taken.changes
        return json(
            shapes.SettingsChanged(
                taken.version, list(changes.changed), list(changes.restart), list(taken.left_alone)
            )
        )

    def _file(self, call: Call) -> File:
        if not call.principal.may("hooks"):
            raise Problem(DENIED, "The configuration holds hooks: ask for a key with the right `hooks` too.")
        if self._found is None:
            raise Problem(
                NOT_FOUND, "There is no configuration file: start with `callboard serve --config FILE`."
            )
        return self._found


def _merging(body: bytes) -> Callable[[str], str]:
    return partial(edited, changes=decode(body, dict[str, Any]))


def _whole(body: bytes) -> Callable[[str], str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem(BAD_REQUEST, "This file is not UTF-8: send it as UTF-8.") from None
    return lambda _: text


def _version(call: Call) -> str | None:
    said = call.request.headers.get("if-match", "").strip()
    return None if said in {"", "*"} else said.removeprefix("W/").strip('"')
