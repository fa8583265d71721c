"""Slicers, profiles and jobs as HTTP and replies show them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from msgspec import UNSET, Meta, Struct, UnsetType

from callboard.files.stored import PICTURES
from callboard.slicing.job import Job, State
from callboard.slicing.profiles import Profile
from callboard.slicing.refusals import NoSuchSlicer

if TYPE_CHECKING:
    from callboard.slicing.room import Slicing

ADDRESS = "/v1/slicing"
EXTENSIONS = ("stl", "3mf", "obj")


def _says(text: str) -> Meta:
    return Meta(description=text)


class SlicerInfo(Struct, kw_only=True, rename="camel"):
    """A slicer."""

    key: str
    display_name: str
    default: Annotated[bool, _says("Whether it is meant when none is named.")]
    available: Annotated[bool, _says("Whether it can slice here.")]
    reason: Annotated[str, _says("Why it can't, and what to do.")] = ""
    progress_available: Annotated[bool, _says("Whether it tells itself how far it is, not only its steps.")]
    source_types: Annotated[list[str], _says("What it slices.")]
    default_profile: Annotated[str, _says("The profile that is meant when none is named; may be none.")]
    profiles: Annotated[list[str], _says("The keys of its profiles.")]


class JobInfo(Struct, kw_only=True, rename="camel"):
    """A slicing job."""

    id: str
    state: Annotated[str, _says("waiting, slicing, done, failed or cancelled.")]
    slicer: str
    profile: str
    source: Annotated[str, _says("The model's path.")]
    destination: Annotated[str, _says("The G-code's path.")]
    progress: Annotated[int, _says("Percent.")]
    date: Annotated[str, _says("When it was asked for, ISO 8601.")]
    time: Annotated[float | UnsetType, _says("How long it took, in seconds.")] = UNSET
    reason: Annotated[str | UnsetType, _says("Why it, or its print, came to nothing.")] = UNSET
    warnings: Annotated[list[str] | UnsetType, _says("What to look at before printing.")] = UNSET
    effective_print: Annotated[
        bool | UnsetType, _says("Once the printer was asked: whether it prints, or selects, the G-code.")
    ] = UNSET
    refs: Annotated[dict[str, str], _says("Itself, its files, a picture: the model's until it is done.")]


class ProfileInfo(Struct, kw_only=True, rename="camel"):
    """A profile of a slicer."""

    slicer: str
    key: str
    display_name: str
    description: str
    default: bool
    configured: Annotated[bool, _says("True if it stands in the configuration, and can't be changed here.")]
    data: Annotated[dict[str, str], _says("The slicer's settings, in its own words.")]
    left_out: Annotated[list[str] | UnsetType, _says("What of an exported file is not taken.")] = UNSET


def job_info(job: Job) -> JobInfo:
    """Return a job as lists show it."""
    order = job.order
    return JobInfo(
        id=job.id,
        state=job.state.value,
        slicer=order.slicer,
        profile=order.profile,
        source=order.file,
        destination=order.to,
        progress=job.progress,
        date=datetime.fromtimestamp(job.began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        time=job.seconds or UNSET,
        reason=job.reason or UNSET,
        warnings=list(job.warnings) or UNSET,
        effective_print=UNSET if job.printed is None else job.printed,
        refs={
            "resource": f"{ADDRESS}/jobs/{job.id}",
            "source": f"/v1/files/local/{quote(order.file)}",
            "destination": f"/v1/files/local/{quote(order.to)}",
            "picture": f"{PICTURES}/local/{quote(order.to if job.state is State.DONE else order.file)}",
        },
    )


def profile_info(profile: Profile) -> ProfileInfo:
    """Return a profile with its settings."""
    return ProfileInfo(
        slicer=profile.slicer,
        key=profile.key,
        display_name=profile.display_name,
        description=profile.description,
        default=profile.default,
        configured=profile.configured,
        data=dict(profile.data),
    )


def slicer_infos(room: Slicing) -> list[SlicerInfo]:
    """Return the slicers, those that are not here too. Blocking."""
    programs, profiles = room.programs, room.profiles
    try:
        default = programs.default()
    except NoSuchSlicer:
        default = ""
    return [
        SlicerInfo(
            key=name,
            display_name=slicer.title,
            default=name == default,
            available=not (why := programs.why_not(name)),
            reason=why,
            progress_available=slicer.progress_available,
            source_types=list(EXTENSIONS),
            default_profile=profiles.default(name),
            profiles=profiles.keys(name),
        )
        for name, slicer in programs.slicers.items()
    ]


def profile_infos(room: Slicing, slicer: str = "") -> list[ProfileInfo]:
    """Return the profiles of one slicer, or of all. Blocking."""
    names = [slicer] if slicer else list(room.programs.slicers)
    return [profile_info(one) for name in names for one in room.profiles.all(name)]
