"""What the jobs room tells, and what workers ask it: `callboard.jobs.<verb>`."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from callboard.catalog.asking import Answered, Asking
from callboard.catalog.payload import OWN, Payload, Topic, own

_Job = Annotated[str, Meta(max_length=64), own("The job's id.")]
_Lease = Annotated[str, Meta(max_length=64), own("The lease that came with it.")]


class JobWaiting(Payload, frozen=True, kw_only=True):
    """A job that waits for a worker."""

    job: _Job
    kind: Annotated[str, own("What is to be done: film, ...")]
    hub: Annotated[str, own("The hub that has it, where several share a log.")]


class JobsRequest(Payload, frozen=True, kw_only=True):
    """A wish of a worker."""

    hub: Annotated[str, own("The hub that is meant; left out: whichever answers.")] | UnsetType = UNSET
    deadline: Annotated[float, own("Seconds after which it is too late.")] | UnsetType = UNSET


class TakeRequest(JobsRequest, frozen=True, kw_only=True):
    """A wish for something to do."""

    worker: Annotated[str, Meta(min_length=1, max_length=200), own("The worker's name.")]
    kinds: Annotated[
        list[Annotated[str, Meta(max_length=64)]],
        Meta(min_length=1, max_length=20),
        own("The kinds of jobs that it can do."),
    ]


class RenewRequest(JobsRequest, frozen=True, kw_only=True):
    """Word that a worker is still at it."""

    job: _Job
    lease: _Lease
    percent: Annotated[float, Meta(ge=0, le=100), own("How far it is.")] | UnsetType = UNSET


class GiveBackRequest(JobsRequest, frozen=True, kw_only=True):
    """Word that a worker stops before it is done."""

    job: _Job
    lease: _Lease


class EndJobRequest(JobsRequest, frozen=True, kw_only=True):
    """Word of what came of a job."""

    job: _Job
    lease: _Lease
    result: Annotated[dict[str, Any], own("What came of it, in the words of its kind.")]


class Taken(Answered, frozen=True, kw_only=True):
    """A job for a worker, if there is one."""

    job: (
        Annotated[dict[str, Any], own("The job: id, kind, payload, source, lease and attempts.")] | UnsetType
    ) = UNSET
    seconds: Annotated[float, own("How long the lease holds.")] | UnsetType = UNSET


_MINE = {"job": "5b0c", "lease": "kWm3"}
_FILM = {
    "id": "5b0c",
    "kind": "film",
    "payload": {"name": "arm_20261121081500"},
    "source": {"printer": "mk3"},
    "lease": "kWm3",
    "attempts": 1,
}


_asked = Asking(room="jobs", by="a worker", since="0.2").asked

TOPICS = (
    Topic(
        name="callboard.jobs.waiting",
        description="A job waits for a worker, or does so again since its worker died.",
        source=OWN,
        published_by="the jobs room",
        payload=JobWaiting,
        example={"job": "5b0c", "kind": "film", "hub": "b7f2"},
        since="0.2",
    ),
    _asked(
        "take",
        "A worker asks for a job; it has it under a lease, which it must renew.",
        TakeRequest,
        {"worker": "render-1", "kinds": ["film"]},
        "render-1 has it for 15 s, unless it is renewed.",
        reply=Taken,
        more={"job": _FILM, "seconds": 15.0},
    ),
    _asked(
        "renew",
        "A worker is still at its job, and keeps it.",
        RenewRequest,
        {**_MINE, "percent": 41.5},
        "It is kept.",
    ),
    _asked("finish", "A worker has done its job.", EndJobRequest, {**_MINE, "result": {}}, "It is done."),
    _asked(
        "fail",
        "A job can't be done by anybody.",
        EndJobRequest,
        {**_MINE, "result": {"returncode": 1}},
        "It has failed.",
    ),
    _asked(
        "give-back",
        "A worker stops before its job is done; somebody else may take it.",
        GiveBackRequest,
        _MINE,
        "Somebody else may take it.",
    ),
)
"""Topics of the jobs room."""
