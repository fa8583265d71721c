"""Slicing over HTTP: slicers, their profiles, jobs; and pictures of models and of what G-code lays.

    request -> SlicingDoor -> slicing.room.Slicing -> showing -> JSON

Everything here needs the right `printers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.responses import Response

from callboard.files.names import Kind as FileKind
from callboard.files.names import kind_of
from callboard.files.stored import PICTURES
from callboard.files.telling import Cause
from callboard.server.body import decode
from callboard.server.operation import JSON, Call, Operation, Outcome, Parameter, json
from callboard.server.problems import BAD_REQUEST, STORAGE, Kind, Problem
from callboard.slicing.pictures import SIZES, Look
from callboard.slicing.profiles import Profile, settings_of
from callboard.slicing.refusals import NotSliced
from callboard.slicing.room import Slicing
from callboard.slicing.showing import (
    ADDRESS,
    JobInfo,
    ProfileInfo,
    SlicerInfo,
    job_info,
    profile_info,
    profile_infos,
    slicer_infos,
)
from callboard.slicing.slicer import Position

RIGHT: Final = "printers"
BYTES: Final = "application/octet-stream"
PNG: Final = "image/png"
NO_PICTURE: Final = Kind(422, "no-picture", "There is no picture of this")
_PROFILE: Final = 4 << 20
_SMALL: Final = 1 << 20

Answer = Callable[[Call], Awaitable[Response]]

_SLICER: Final = Parameter("slicer", "The slicer.", where="path", example="prusaslicer")
_KEY: Final = Parameter("profile", "The profile's key.", where="path", example="draft")
_ID: Final = Parameter("id", "The job's id.", where="path", example="7f3a9c1e")
_PATH: Final = Parameter("path", "Path from the top, with `/`.", where="path", example="parts/arm.stl")


class Wanted(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to be sliced, how, and what shall happen then."""

    file: Annotated[str, Meta(description="The model's path.")]
    to: Annotated[
        str, Meta(description="The G-code's path; beside the model, with its name, unless said.")
    ] = ""
    slicer: Annotated[str, Meta(description="The default one unless said.")] = ""
    profile: Annotated[str, Meta(description="The default one unless said.")] = ""
    overrides: Annotated[dict[str, Any], Meta(description="Settings over those of the profile.")] = {}
    position: Annotated[Position | None, Meta(description="Where the model's middle shall be, in mm.")] = None
    overwrite: bool = True
    select: Annotated[str, Meta(description="The printer that shall select the G-code.")] = ""
    print: Annotated[str, Meta(description="The printer that shall print the G-code.")] = ""
    if_clear: Annotated[bool, Meta(description="Whether it is printed only if the bed is clear.")] = True


class ProfileWanted(Struct, forbid_unknown_fields=True, kw_only=True, rename="camel"):
    """A profile to store, or what of it is to change."""

    display_name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    default: Annotated[bool, Meta(description="Whether it is meant when none is named.")] = False
    data: Annotated[
        dict[str, Any] | UnsetType, Meta(description="The slicer's settings, in its own words.")
    ] = UNSET


class SlicerList(Struct):
    """The slicers."""

    slicers: list[SlicerInfo]


class ProfileList(Struct):
    """Profiles of a slicer."""

    profiles: list[ProfileInfo]


class JobList(Struct):
    """Jobs, newest first."""

    jobs: list[JobInfo]


def slicing_operations(room: Slicing) -> tuple[Operation, ...]:
    """Return the operations under /v1/slicing, and of pictures."""
    door = SlicingDoor(room)
    profiles, profile = "/{slicer}/profiles", "/{slicer}/profiles/{profile}"
    one = Outcome(200, "This one.", ProfileInfo)
    return (
        _operation("GET", "", door.list_slicers, Outcome(200, "All of them.", SlicerList)),
        _operation("GET", "/jobs", door.list_jobs, Outcome(200, "They.", JobList)),
        _operation(
            "POST",
            "/jobs",
            door.slice_model,
            Outcome(202, "It is being sliced.", JobInfo),
            body={JSON: Wanted},
            example="""-d '{"file": "parts/arm.stl", "profile": "draft", "print": "mk3"}'""",
        ),
        _operation("GET", "/jobs/{id}", door.show_job, Outcome(200, "This one.", JobInfo), _ID),
        _operation("DELETE", "/jobs/{id}", door.cancel_job, Outcome(200, "It is called off.", JobInfo), _ID),
        _operation("GET", profiles, door.list_profiles, Outcome(200, "They.", ProfileList), _SLICER),
        _operation("GET", profile, door.show_profile, one, _SLICER, _KEY),
        _operation(
            "PUT",
            profile,
            door.save_profile,
            Outcome(201, "Stored.", ProfileInfo),
            _SLICER,
            _KEY,
            Parameter("default", "With a file: whether it is meant when none is named.", {"type": "boolean"}),
            body={JSON: ProfileWanted, BYTES: bytes},
            example="-H 'Content-Type: application/octet-stream' --data-binary @draft.ini",
        ),
        _operation(
            "PATCH",
            profile,
            door.change_profile,
            one,
            _SLICER,
            _KEY,
            body={JSON: ProfileWanted},
            example="""-d '{"data": {"layer_height": 0.3}}'""",
        ),
        _operation("DELETE", profile, door.delete_profile, Outcome(204, "Removed."), _SLICER, _KEY),
        Operation(
            method="GET",
            path=f"{PICTURES}/local/{{path:path}}",
            answer=door.show_picture,
            group="Slicing",
            rights=(RIGHT,),
            parameters=(
                _PATH,
                Parameter("size", "Pixels; 256 unless said.", {"type": "integer", "enum": list(SIZES)}),
                Parameter("view", "Of G-code: from the side, or from above.", {"enum": ["iso", "top"]}),
                Parameter("layer", "Of G-code: up to this layer; all without it.", {"type": "integer"}),
            ),
            outcomes=(Outcome(200, "The picture; its background is transparent.", str, PNG),),
        ),
    )


def _operation(
    method: str,
    path: str,
    answer: Answer,
    outcome: Outcome,
    *parameters: Parameter,
    body: dict[str, Any] | None = None,
    example: str = "",
) -> Operation:
    return Operation(
        method=method,
        path=ADDRESS + path,
        answer=answer,
        group="Slicing",
        rights=(RIGHT,),
        parameters=parameters,
        outcomes=(outcome,),
        body=body or {},
        example=example,
    )


class SlicingDoor:
    """Answers for the slicing room."""

    def __init__(self, room: Slicing) -> None:
        self._room = room

    async def list_slicers(self, _: Call) -> Response:
        """List the slicers.

        Those that are not installed here too: `reason` says what is missing.
        """
        return json(SlicerList(await self._do(slicer_infos, self._room)))

    async def list_jobs(self, _: Call) -> Response:
        """List the slicing jobs.

        Those that wait or run, and the last that ended; newest first.
        """
        return json(JobList([job_info(job) for job in self._room.jobs()]))

    async def slice_model(self, call: Call) -> Response:
        """Slice a model.

        The answer comes at once; SlicingStarted, then one of SlicingDone, SlicingFailed and SlicingCancelled
        tell how it goes on, and the state `slicingProgress/<job>` how far it is. Another job for the same
        G-code calls this one off. With `print` (or `select`) the printer is asked once it is done;
        it prints only if its bed is clear, unless `if_clear` is false.
        """
        async with call.house.bodies.read(call.request, _SMALL) as body:
            asked = decode(body, Wanted)
        order = await self._room.order(
            asked.file,
            to=asked.to,
            slicer=asked.slicer,
            profile=asked.profile,
            overrides=asked.overrides,
            position=asked.position,
            overwrite=asked.overwrite,
            select=asked.select,
            print_on=asked.print,
            if_clear=asked.if_clear,
        )
        found = job_info(await self._room.slice(order, _by(call)))
        return json(found, 202, {"Location": found.refs["resource"]})

    async def show_job(self, call: Call) -> Response:
        """See how a slicing job is."""
        return json(job_info(self._room.job(call.request.path_params["id"])))

    async def cancel_job(self, call: Call) -> Response:
        """Call a slicing job off.

        SlicingCancelled says when its slicer has ended. One that has ended is a conflict (409).
        """
        return json(job_info(self._room.cancel(call.request.path_params["id"])))

    async def list_profiles(self, call: Call) -> Response:
        """List the profiles of a slicer, with their settings."""
        slicer = self._room.programs.slicer(call.request.path_params["slicer"])
        return json(ProfileList(await self._do(profile_infos, self._room, slicer.name)))

    async def show_profile(self, call: Call) -> Response:
        """Show a profile with its settings."""
        return json(profile_info(await self._do(self._room.profiles.get, *self._named(call))))

    async def save_profile(self, call: Call) -> Response:
        """Store a profile; one with this name is replaced.

        As JSON with its settings under `data`, or the file that the slicer exports: an .ini of PrusaSlicer or
        Slic3r, a .curaprofile or .inst.cfg of Cura.
        """
        slicer, key = self._named(call)
        left: list[str] = []
        async with call.house.bodies.read(call.request, _PROFILE) as body:
            if call.request.headers.get("content-type", JSON).partition(";")[0].strip() == JSON:
                profile = _profile(slicer, key, decode(body, ProfileWanted), {})
            else:
                kind, text = self._room.programs.slicers[slicer], bytes(body)
                data, left = await self._do(kind.read_profile, text), await self._do(kind.left_out, text)
                default = call.text("default").lower() in {"true", "1", "yes"}
                profile = Profile(slicer=slicer, key=key, default=default, data=data)
        found = profile_info(await _stored(self._room.save_profile(profile, _by(call))))
        return json(msgspec.structs.replace(found, left_out=left or UNSET), 201)

    async def change_profile(self, call: Call) -> Response:
        """Change a stored profile.

        What `data` names is set over what is there; a setting that is null is taken out.
        """
        slicer, key = self._named(call)
        async with call.house.bodies.read(call.request, _SMALL) as body:
            asked = decode(body, ProfileWanted)
        changing = self._room.change_profile(slicer, key, partial(_changed, asked), _by(call))
        return json(profile_info(await _stored(changing)))

    async def delete_profile(self, call: Call) -> Response:
        """Remove a stored profile."""
        slicer, key = self._named(call)
        await self._room.delete_profile(slicer, key, _by(call))
        return Response(status_code=204)

    async def show_picture(self, call: Call) -> Response:
        """Get a picture of a model, or of what G-code lays.

        It is made when it is first asked for, and kept. Low layers are blue.
        """
        view = call.text("view", "iso")
        if view not in {"iso", "top"}:
            raise Problem(BAD_REQUEST, f"view is iso or top, not {view[:40]!r}.")
        path, layer = call.request.path_params["path"], 0
        if call.text("layer"):
            layer = call.number("layer", 0, 1_000_000)
            if kind_of(path) is FileKind.MODEL:
                raise Problem(BAD_REQUEST, "A model has no layers: leave `layer` out, or ask for its G-code.")
        size = call.number("size", 256, 10_000)
        if size not in SIZES:
            raise Problem(BAD_REQUEST, f"size is one of {', '.join(map(str, SIZES))}, not {size}.")
        look = Look(size, view, layer)
        try:
            found = await self._room.pictures.of(path, look)
        except NotSliced as error:
            raise Problem(NO_PICTURE, str(error)) from None
        except OSError as error:
            raise Problem(STORAGE, f"The picture can't be kept: {error.strerror}.") from None
        headers = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
        return Response(found, 200, headers, PNG)

    def _named(self, call: Call) -> tuple[str, str]:
        found = call.request.path_params
        return self._room.programs.slicer(found["slicer"]).name, found["profile"]

    async def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        return await self._room.files.threads.do(work, *args)


def _by(call: Call) -> Cause:
    return Cause(call.principal.name)


async def _stored(storing: Awaitable[Profile]) -> Profile:
    try:
        return await storing
    except OSError as error:
        raise Problem(STORAGE, f"The profile can't be stored: {error.strerror}.") from None


def _changed(asked: ProfileWanted, known: Profile) -> Profile:
    """Return a profile with what is asked over what is known of it."""
    said = {"display_name": asked.display_name, "description": asked.description}
    kept = {name: getattr(known, name) for name, value in said.items() if value is UNSET}
    return msgspec.structs.replace(_profile(known.slicer, known.key, asked, known.data), **kept)


def _profile(slicer: str, key: str, asked: ProfileWanted, before: Any) -> Profile:
    said = {} if asked.data is UNSET else asked.data
    gone = {name for name, value in said.items() if value is None}
    kept = {name: value for name, value in {**before, **said}.items() if name not in gone}
    return Profile(
        slicer=slicer,
        key=key,
        display_name="" if asked.display_name is UNSET else asked.display_name,
        description="" if asked.description is UNSET else asked.description,
        default=asked.default,
        data=settings_of(kept),
    )
