"""Background jobs over HTTP: what is to be done and who does it. Workers ask for jobs over the bus."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.responses import Response

from callboard.jobs.job import Job
from callboard.jobs.room import Jobs
from callboard.server.operation import Call, Operation, Outcome, json


class JobInfo(Struct):
    """A background job."""

    id: str
    kind: str
    state: Annotated[str, Meta(description="waiting, taken, done or failed.")]
    worker: Annotated[str, Meta(description="Who has it, or had it last; `here` is the hub itself.")]
    attempts: int
    about: Annotated[dict[str, Any], Meta(description="What is to be done.")]


class JobList(Struct):
    """All background jobs that have not been settled; `hub` is this hub's name among those on its log."""

    hub: str
    jobs: list[JobInfo]


def job_operations(room: Jobs) -> tuple[Operation, ...]:
    """Return the operations under /v1/jobs."""

    async def list_jobs(_: Call) -> Response:
        """List background jobs.

        Films that are being made, or wait for a worker. How far each is stands in the state
        `jobs/<id>/progress`.
        """
        return json(JobList(room.name, [_info(job) for job in await room.ledger.all()]))

    return (
        Operation(
            method="GET",
            path="/v1/jobs",
            answer=list_jobs,
            group="Jobs",
            rights=("printers",),
            outcomes=(Outcome(200, "All of them.", JobList),),
        ),
    )


def _info(job: Job) -> JobInfo:
    return JobInfo(job.id, job.kind, job.state.value, job.worker, job.attempts, dict(job.payload))
