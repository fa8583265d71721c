"""Jobs: leased, renewed, given again when a worker dies, and finished once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import pytest

from callboard.errors import CallboardError, StorageFailed
from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.jobs.job import MOST_ATTEMPTS, Heard, Job, State, Unfit, WorkFailed
from callboard.jobs.ledger import Ledger
from callboard.jobs.remote import NoAnswer, Remote
from callboard.jobs.room import HERE, Jobs, Local
from callboard.jobs.worker import Report, Worker
from callboard.logs.memory import MemoryLog
from callboard.store import Store, open_store

PATIENCE = 20.0


@dataclass
class Follower:
    """A room that notes what it hears of its jobs."""

    begun: list[Job] = field(default_factory=list)
    ends: list[Job] = field(default_factory=list)
    settled: list[Job] = field(default_factory=list)
    refuse: bool = False

    async def taken(self, job: Job) -> None:
        self.begun.append(job)

    async def settle(self, job: Job) -> Job:
        if self.refuse:
            raise CallboardError("not now")
        self.settled.append(job)
        return job

    async def tell(self, job: Job) -> None:
        self.ends.append(job)


@dataclass
class Jobhouse:
    jobs: Jobs
    bus: HubBus
    follower: Follower
    hub: Hub
    store: Store

    async def put(self, number: int = 0) -> Job:
        return await self.jobs.put("film", {"number": number}, {"printer": "mk3"})

    async def ended(self, count: int = 1) -> list[Job]:
        await until(lambda: len(self.follower.ends) >= count)
        return self.follower.ends


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def jobhouse(folder: Path, lease: float = 15.0, name: str = "") -> AsyncIterator[Jobhouse]:
    with open_store(folder / "callboard.db") as store:
        async with Hub(MemoryLog()) as hub:
            bus = HubBus(hub, Principal("callboard"))
            async with Jobs(bus, store, lease=lease, name=name) as jobs:
                follower = Follower()
                await jobs.follow("film", follower)
                yield Jobhouse(jobs, bus, follower, hub, store)
            await bus.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Jobhouse]:
    async with jobhouse(tmp_path) as opened:
        yield opened


async def craft(job: Job, report: Report) -> Mapping[str, Any]:
    report(50.0)
    return {"did": job.payload["number"]}


async def stuck(_: Job, __: Report) -> Mapping[str, Any]:
    await asyncio.Event().wait()
    return {}


@contextlib.asynccontextmanager
async def working(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=["here", "over the bus"])
async def desk(request: pytest.FixtureRequest, house: Jobhouse) -> Local | Remote:
    return Local(house.jobs) if request.param == "here" else Remote(house.bus)


async def test_a_worker_does_jobs_in_the_order_in_which_they_were_put(
    house: Jobhouse, desk: Local | Remote
) -> None:
    for number in range(3):
        await house.put(number)
    async with working(Worker(desk, {"film": craft}, "w")):
        ends = await house.ended(3)
    assert [job.result for job in ends] == [{"did": number} for number in range(3)]
    assert {job.state for job in ends} == {State.DONE}
    assert [job.attempts for job in house.follower.begun] == [1, 1, 1]
    await until(lambda: not house.jobs._timers)
    assert await house.jobs.ledger.all() == []


class OnceFull(Local):
    """A desk whose disk is full when it is asked first."""

    full = True

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        if self.full:
            self.full = False
            raise StorageFailed("the disk is full")
        return await super().take(worker, kinds)


async def test_a_worker_goes_on_after_a_disk_was_full(
    house: Jobhouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.jobs.worker._AGAIN", 0.01)
    await house.put(3)
    async with working(Worker(OnceFull(house.jobs), {"film": craft}, "w")):
        (job,) = await house.ended()
    assert job.result == {"did": 3}


async def test_a_worker_that_waits_is_told_of_a_new_job(house: Jobhouse, desk: Local | Remote) -> None:
    async with working(Worker(desk, {"film": craft}, "w")):
        await asyncio.sleep(0.1)
        await house.put()
        await house.ended()


async def test_a_worker_takes_only_what_it_can_do(house: Jobhouse, desk: Local | Remote) -> None:
    await house.put()
    assert await desk.take("w", ("slice",)) is None
    taken = await desk.take("w", ("slice", "film"))
    assert taken is not None
    assert taken.payload == {"number": 0}
    assert await desk.take("w", ("film",)) is None


async def test_a_job_that_can_not_be_done_says_why(house: Jobhouse, desk: Local | Remote) -> None:
    async def fail(_: Job, __: Report) -> Mapping[str, Any]:
        raise WorkFailed("no", {"returncode": 3})

    await house.put()
    async with working(Worker(desk, {"film": fail}, "w")):
        (job,) = await house.ended()
    assert (job.state, job.result) == (State.FAILED, {"returncode": 3})


async def test_only_the_lease_ends_a_job(house: Jobhouse, desk: Local | Remote) -> None:
    await house.put()
    job = await desk.take("w", ("film",))
    assert job is not None
    thief = Job(id=job.id, kind="film", lease="guessed")
    assert not await desk.finish(thief, {})
    assert not await desk.fail(thief, {})
    assert not await desk.renew(thief, 1.0)
    assert not await desk.give_back(thief)
    assert await desk.renew(job, 12.5)
    assert house.hub.state.values("jobs/")[f"jobs/{job.id}/progress"]["percent"] == 12.5
    assert await desk.finish(job, {"ok": 1})
    assert not await desk.finish(job, {"ok": 2})
    assert [each.result for each in house.follower.ends] == [{"ok": 1}]
    assert house.hub.state.values("jobs/") == {}


async def test_a_job_whose_worker_died_is_done_by_another_and_only_once(tmp_path: Path) -> None:
    async with jobhouse(tmp_path, lease=0.3) as house:
        await house.put(7)
        dead = await Local(house.jobs).take("dead", ("film",))
        assert dead is not None
        async with working(Worker(Remote(house.bus), {"film": craft}, "alive", renew=0.1)):
            (job,) = await house.ended()
        assert (job.worker, job.attempts, job.result) == ("alive", 2, {"did": 7})
        assert not await house.jobs.finish(dead.id, dead.lease, {"late": True})
        assert len(house.follower.ends) == 1


async def test_a_lease_that_is_renewed_is_kept(tmp_path: Path) -> None:
    async with jobhouse(tmp_path, lease=0.5) as house:

        async def slow(_: Job, __: Report) -> Mapping[str, Any]:
            await asyncio.sleep(1.5)
            return {}

        await house.put()
        async with working(Worker(Local(house.jobs), {"film": slow}, "slow", renew=0.1)):
            (job,) = await house.ended()
        assert job.attempts == 1


async def test_a_worker_that_lost_its_lease_stops(tmp_path: Path) -> None:
    async with jobhouse(tmp_path) as house:
        words: list[str] = []
        worker = Worker(
            Local(house.jobs), {"film": stuck}, "w", told=lambda word, _: words.append(word), renew=0.05
        )
        await house.put()
        async with working(worker):
            await until(lambda: words == ["takes"])
            (job,) = await house.jobs.ledger.all()
            await house.jobs.ledger.end(job.id, job.lease, State.DONE, {})
            await until(lambda: "lost" in words)


async def test_a_worker_that_is_stopped_gives_its_job_back_and_it_does_not_count(house: Jobhouse) -> None:
    await house.put()
    for _ in range(MOST_ATTEMPTS + 1):
        async with working(Worker(Local(house.jobs), {"film": stuck}, "w")):
            await until(lambda: bool(house.jobs._timers))
    (job,) = await house.jobs.ledger.all()
    assert (job.state, job.attempts) == (State.WAITING, 0)


async def test_a_job_that_kills_its_workers_fails_after_some(tmp_path: Path) -> None:
    async with jobhouse(tmp_path, lease=0.02) as house:
        await house.put()
        desk = Local(house.jobs)
        for _ in range(MOST_ATTEMPTS):
            while await desk.take("w", ("film",)) is None:
                await asyncio.sleep(0.01)
        (job,) = await house.ended()
        assert (job.state, job.result, job.attempts) == (State.FAILED, {}, MOST_ATTEMPTS)
        assert await desk.take("w", ("film",)) is None


async def test_a_craft_that_breaks_is_not_the_jobs_fault(tmp_path: Path) -> None:
    async with jobhouse(tmp_path, lease=0.2) as house:
        tries: list[int] = []

        async def broken(job: Job, report: Report) -> Mapping[str, Any]:
            tries.append(job.attempts)
            if len(tries) == 1:
                raise OSError("no route to the hub")
            return await craft(job, report)

        await house.put()
        async with working(Worker(Local(house.jobs), {"film": broken}, "w", renew=0.05)):
            await house.ended()
        assert tries == [1, 2]


async def unfit(_: Job, __: Report) -> Mapping[str, Any]:
    raise Unfit("the disk is full", {"returncode": 255})


async def test_a_machine_that_is_unfit_leaves_a_job_to_others_and_it_does_not_count(
    house: Jobhouse, desk: Local | Remote
) -> None:
    await house.put(7)
    words: list[str] = []
    sick = Worker(desk, {"film": unfit}, "sick", told=lambda word, _: words.append(word), rest=0.01)
    async with working(sick):
        await until(lambda: words.count("unfit") > MOST_ATTEMPTS)
    async with working(Worker(Local(house.jobs), {"film": craft}, "well")):
        (job,) = await house.ended()
    assert (job.worker, job.attempts, job.result) == ("well", 1, {"did": 7})


async def test_a_machine_that_is_unfit_rests(house: Jobhouse) -> None:
    await house.put()
    async with working(Worker(Local(house.jobs), {"film": unfit}, "sick")):
        await until(lambda: bool(house.follower.begun) and not house.jobs._timers)
        assert await house.jobs.take("well", ("film",)) is not None


async def test_what_the_only_machine_is_unfit_for_has_failed(house: Jobhouse) -> None:
    await house.put()
    worker = Worker(Local(house.jobs), {"film": unfit}, HERE, others=house.jobs.is_done_elsewhere)
    async with working(worker):
        (job,) = await house.ended()
    assert (job.state, job.result) == (State.FAILED, {"returncode": 255})


async def test_a_worker_elsewhere_is_known_by_what_it_asks_for(house: Jobhouse) -> None:
    await house.jobs.take(HERE, ("film",))
    await house.jobs.take("far", ("slice",))
    assert not house.jobs.is_done_elsewhere("film")
    await house.jobs.take("far", ("slice", "film"))
    assert house.jobs.is_done_elsewhere("film")
    assert house.jobs._elsewhere.keys() == {"film"}


async def test_a_worker_goes_on_renewing_whatever_an_answer_was(tmp_path: Path) -> None:
    class Odd(Local):
        answers = 0

        async def renew(self, job: Job, percent: float | None) -> bool:
            self.answers += 1
            if self.answers == 1:
                raise RuntimeError("coroutine raised StopIteration")
            return await super().renew(job, percent)

    async with jobhouse(tmp_path) as house:
        desk = Odd(house.jobs)
        await house.put()
        async with working(Worker(desk, {"film": stuck}, "w", renew=0.01)):
            await until(lambda: desk.answers > 2)


async def test_after_a_restart_the_hubs_own_jobs_are_free_and_others_still_leased(tmp_path: Path) -> None:
    async with jobhouse(tmp_path) as house:
        await house.put(1)
        await house.put(2)
        await house.put(3)
        assert await house.jobs.take(HERE, ("film",)) is not None
        far = await house.jobs.take("far", ("film",))
        assert far is not None
    async with jobhouse(tmp_path) as house:
        states = {job.payload["number"]: job.state for job in await house.jobs.ledger.all()}
        assert states == {1: State.WAITING, 2: State.TAKEN, 3: State.WAITING}
        assert await house.jobs.renew(far.id, far.lease, None)
        assert await house.jobs.finish(far.id, far.lease, {"far": True})


async def test_an_end_that_could_not_be_settled_is_settled_at_the_next_start(tmp_path: Path) -> None:
    async with jobhouse(tmp_path) as house:
        await house.put()
        house.follower.refuse = True
        job = await house.jobs.take("w", ("film",))
        assert job is not None
        assert await house.jobs.finish(job.id, job.lease, {"ok": 1})
        assert house.follower.ends == []
    async with jobhouse(tmp_path) as house:
        assert [each.result for each in house.follower.ends] == [{"ok": 1}]
        assert await house.jobs.ledger.all() == []


async def test_an_end_that_could_not_be_settled_is_settled_before_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.jobs.room.REMIND", 0.02)
    async with jobhouse(tmp_path) as house:
        house.follower.refuse = True
        await finished(house)
        assert house.follower.ends == []
        house.follower.refuse = False
        (job,) = await house.ended()
        assert job.result == {"ok": 1}
        await until(lambda: not house.jobs._told)
        assert await house.jobs.ledger.all() == []


async def finished(house: Jobhouse) -> Job:
    """A job that a worker took and finished."""
    await house.put()
    job = await house.jobs.take("w", ("film",))
    assert job is not None
    assert await house.jobs.finish(job.id, job.lease, {"ok": 1})
    return job


class Unforgetting(Ledger):
    """A table whose disk is full when a job is to be forgotten."""

    full = True

    async def forget(self, id_: str) -> None:
        if self.full:
            raise StorageFailed("the disk is full")
        await super().forget(id_)


async def test_an_end_that_was_told_is_not_told_again_since_it_could_not_be_forgotten(
    house: Jobhouse,
) -> None:
    house.jobs.ledger = ledger = Unforgetting(house.store)
    job = await finished(house)
    assert [each.id for each in house.follower.ends] == [job.id]
    ledger.full = False
    await house.jobs.follow("film", house.follower)
    assert await ledger.all() == []
    assert len(house.follower.ends) == len(house.follower.settled) == 1


async def test_after_a_kill_an_end_is_told_as_it_was_settled(tmp_path: Path) -> None:
    async with jobhouse(tmp_path) as house:
        house.jobs.ledger = Unforgetting(house.store)
        await finished(house)
    async with jobhouse(tmp_path) as house:
        assert house.follower.settled == []
        assert [(job.state, job.result) for job in house.follower.ends] == [(State.DONE, {"ok": 1})]
        assert await house.jobs.ledger.all() == []


async def test_a_job_that_nobody_has_can_be_withdrawn(house: Jobhouse) -> None:
    job = await house.put()
    assert await house.jobs.withdraw(job.id, {})
    assert not await house.jobs.withdraw(job.id, {})
    other = await house.put()
    assert await house.jobs.take("w", ("film",)) is not None
    assert not await house.jobs.withdraw(other.id, {})
    assert house.follower.ends == []


async def test_a_job_that_was_begun_and_is_withdrawn_has_failed(house: Jobhouse) -> None:
    put = await house.put()
    for _ in range(2):
        job = await house.jobs.take("w", ("film",))
        assert job is not None
        assert await house.jobs.give_back(job.id, job.lease)
    assert await house.jobs.withdraw(put.id, {"why": "gone"})
    assert len(house.follower.begun) == 1
    assert [(each.state, each.result) for each in house.follower.ends] == [(State.FAILED, {"why": "gone"})]
    assert await house.jobs.ledger.all() == []
    assert house.hub.state.values("jobs/") == {}


async def test_jobs_that_an_older_callboard_put_are_known_by_their_attempts(tmp_path: Path) -> None:
    older = resources("callboard.jobs").joinpath("jobs.sql").read_text("utf-8").partition("-- version 2")[0]
    columns = "(id, kind, payload, source, state, attempts, created)"
    row = f"INSERT INTO job {columns} VALUES (?, 'film', '{{}}', '{{}}', ?, ?, 1)"
    with open_store(tmp_path / "callboard.db") as store:
        store.apply("jobs", older)
        for id_, state, attempts in (("new", "waiting", 0), ("tried", "taken", 2)):
            await store.write(row, (id_, state, attempts))
        heard = {job.id: job.heard for job in await Ledger(store).all()}
    assert heard == {"new": Heard.NOTHING, "tried": Heard.BEGUN}


class Overtaken(Ledger):
    """A table in which a job ends right after it was asked who holds it."""

    jobs: Jobs

    async def held(self, id_: str, lease: str) -> Job | None:
        found = await super().held(id_, lease)
        await self.jobs.finish(id_, lease, {})
        return found


async def test_a_job_that_ends_while_it_is_renewed_is_kept_no_more(house: Jobhouse) -> None:
    await house.put()
    job = await house.jobs.take("w", ("film",))
    assert job is not None
    house.jobs.ledger = ledger = Overtaken(house.store)
    ledger.jobs = house.jobs
    assert not await house.jobs.renew(job.id, job.lease, 50.0)
    assert not house.jobs._timers
    assert house.hub.state.values("jobs/") == {}


async def test_another_hub_on_the_same_log_is_not_asked(tmp_path: Path) -> None:
    async with jobhouse(tmp_path, name="b7f2") as house:
        await house.put()
        said = [
            each.data
            async for each in house.bus.request(
                Event("callboard.jobs.take", {"worker": "w", "kinds": ["film"], "hub": "other"}), deadline=0.3
            )
        ]
        assert said == []
        assert await Remote(house.bus, "b7f2").take("w", ("film",)) is not None


BAD: list[Any] = [
    None,
    [],
    {},
    {"worker": "", "kinds": ["film"]},
    {"worker": "w", "kinds": []},
    {"worker": "w" * 300, "kinds": ["a"]},
]


@pytest.mark.parametrize("data", BAD)
async def test_a_request_that_makes_no_sense_is_answered_with_why(house: Jobhouse, data: Any) -> None:
    await house.put()
    async for reply in house.bus.request(Event("callboard.jobs.take", data), deadline=5):
        assert reply.data["success"] is False
        assert "understood" in reply.data["message"]
        break
    assert [job.state for job in await house.jobs.ledger.all()] == [State.WAITING]


async def test_a_hub_that_does_not_answer_is_no_end_of_the_work(tmp_path: Path) -> None:
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("callboard"))
        remote = Remote(bus)
        assert await remote.take("w", ("film",)) is None
        with pytest.raises(NoAnswer):
            await remote.finish(Job(id="x", kind="film"), {})
        remote.close()
        await bus.close()
