"""Menus of 200 actions beside a hub that only fans out and gathers; and a studio of 100 artists for a while.

The studio is that of the facts, section 6: three programs for each artist (user server, tray timer, Connect),
a leecher and a processor. Updates go through the tracker, menus through `/v1/actions/discover`, each with the
artist's own key; the sockets and the artists are processes of their own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.artists import (
    BURST,
    EVERY,
    MENUS,
    REPLIES,
    SELECTION,
    UPDATES,
    Artist,
    Line,
    desks,
    services,
    tasks_of,
    work,
)
from benchmarks.crowd import Crowd, Place
from benchmarks.filming import serving
from benchmarks.load import cpu_seconds
from benchmarks.peers import free_port, process, wait_for

ACTIONS, ARTISTS = 200, 100

_GATHERING = """
import asyncio, sys, uuid, socketio, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
sio = socketio.AsyncServer(async_mode="asgi", ping_interval=600)
waiting, members = {}, set()
@sio.on("join")
async def join(sid):
    members.add(sid)
    await sio.enter_room(sid, "bench")
    return True
@sio.on("ftrack.event")
async def reply(sid, event):
    found, done = waiting.get(event["inReplyToEvent"], (None, None))
    if found is not None:
        found += event["data"]["items"]
        if len(found) == len(members):
            done.set_result(None)
async def discover(request):
    data = await request.json()
    event = {"topic": "ftrack.action.discover", "data": data, "source": {"id": "hub"}, "id": uuid.uuid4().hex}
    found, done = waiting[event["id"]] = [], asyncio.get_running_loop().create_future()
    await sio.emit("ftrack.event", event, room="bench")
    await asyncio.wait_for(done, 30)
    del waiting[event["id"]]
    return JSONResponse({"items": found})
app = socketio.ASGIApp(sio, Starlette(routes=[Route("/v1/actions/discover", discover, methods=["POST"])]))
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", ws="websockets-sansio", ws_ping_interval=None)
"""


@dataclass(frozen=True)
class Peer:
    """A hub that runs."""

    name: str
    pid: int
    port: int
    key: str = ""


@contextlib.contextmanager
def callboard(folder: Path, config: str = "") -> Iterator[Peer]:
    with serving(folder, config) as hub:
        port = int(hub.url.rpartition(":")[2].rstrip("/"))
        yield Peer("callboard", hub.process.pid, port, hub.key)


@contextlib.contextmanager
def python_socketio(_folder: Path) -> Iterator[Peer]:
    port = free_port()
    with process(sys.executable, "-c", _GATHERING, str(port)) as pid:
        wait_for(port)
        yield Peer("python-socketio", pid, port)


PEERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Peer]]] = {
    "callboard": callboard,
    "python-socketio": python_socketio,
}


# --- menus ------------------------------------------------------------------------------------


def menus(peer: Peer, sockets: int, times: int) -> tuple[float, float]:
    """Open a menu of 200 actions so often; returns the hub's CPU seconds and seconds by the clock of one."""
    each = ACTIONS // sockets
    places = [
        Place(
            "actions",
            key=peer.key,
            subscriptions=("topic=ftrack.action.discover",) * each,
            offers=tuple(f"action{number}.{one}" for one in range(each)),
        )
        for number in range(sockets)
    ]
    line = Line(peer.port, "admin", peer.key)
    with Crowd(peer.name, peer.port, places):
        for _ in range(3):
            menu = line.post("/v1/actions/discover", {"selection": SELECTION})
            if len(menu["items"]) != ACTIONS:
                raise AssertionError(f"{len(menu['items'])} of {ACTIONS} actions are in the menu")
        spent, begun = cpu_seconds(peer.pid), time.perf_counter()
        for _ in range(times):
            line.post("/v1/actions/discover", {"selection": SELECTION})
        return (cpu_seconds(peer.pid) - spent) / times, (time.perf_counter() - begun) / times


def menu_rows(folder: Path, quick: bool) -> Iterator[dict[str, Any]]:
    times, repeats = (10, 1) if quick else (50, 5)
    for sockets in (ACTIONS, 10):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in PEERS}
        for repeat in range(repeats):
            for name in PEERS if sockets == ACTIONS else ("callboard",):
                with PEERS[name](folder / f"{name}{sockets}.{repeat}") as peer:
                    found[name].append(menus(peer, sockets, times))
        for name, runs in found.items():
            if runs:
                shown = [f"{cpu * 1e3:.1f} ms CPU, {wall * 1e3:.1f} ms" for cpu, wall in runs]
                print(f"  a menu of {ACTIONS} actions of {sockets} sockets, {name}: {shown}")
        yield _menu_row(sockets, found["callboard"], found["python-socketio"])


def _menu_row(
    sockets: int, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]
) -> dict[str, Any]:
    mine = [cpu for cpu, _ in ours]
    ratios = sorted(one / other for one, (other, _) in zip(mine, theirs, strict=False))
    peer = f"python-socketio {statistics.median(cpu for cpu, _ in theirs) * 1e3:.3g}" if theirs else "-"
    wall = statistics.median(wall for _, wall in ours) * 1e3
    return {
        "name": f"a menu of {ACTIONS} actions, on {sockets} sockets",
        "unit": "ms of server CPU",
        "ours": statistics.median(mine) * 1e3,
        "peer": peer,
        "ratio": statistics.median(ratios) if ratios else statistics.median(mine) / 0.05,
        "spread": f"{ratios[0]:.2f} - {ratios[-1]:.2f}"
        if ratios
        else f"{min(mine) * 1e3:.1f} - {max(mine) * 1e3:.1f} ms",
        "goal": "under 50 ms",
        "note": f"all {ACTIONS} replies in the menu; {wall:.0f} ms by the clock, who offers them included; "
        "the peer only fans out and gathers, ours matches, stores all of it, checks whom it asked",
    }


# --- a studio ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """What a while in the studio took."""

    share: float
    """CPU of the hub, of one core."""
    seconds: float
    done: dict[str, float]
    sockets: int
    subscriptions: int
    update: float
    """Bytes of an update."""


def a_while(folder: Path, seconds: float) -> Day:
    """Open the studio, work in it, and see that everybody has heard what was theirs."""
    with callboard(folder, "tracker:\n") as peer:
        admin = Line(peer.port, "admin", peer.key)
        artists = []
        for number in range(ARTISTS):
            name = f"artist{number:03}"
            key = admin.post("/v1/keys", {"user": name, "rights": ["tracker"]})["key"]
            artists.append(Artist(name, key))
        places = [place for one in artists for place in desks(one.name, one.key)]
        places += services(peer.key)
        tasks = tasks_of(admin, 600)
        for one in artists:  # who is new to the tracker is told of: not in what is measured
            Line(peer.port, one.name, one.key).post("/api", [{"action": "query_server_information"}])
        with Crowd("callboard", peer.port, places) as crowd:
            day = _measured(peer, crowd, artists, tasks, seconds)
    subscriptions = sum(len(place.subscriptions) for place in places)
    share, done, update = day
    return Day(share, seconds, done, len(places), subscriptions, update)


def _measured(
    peer: Peer, crowd: Crowd, artists: list[Artist], tasks: list[str], seconds: float
) -> tuple[float, dict[str, float], float]:
    mine, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=work, args=(theirs, peer.port, artists, tasks, seconds), daemon=True
    )
    before, begun, spent = crowd.heard(), time.perf_counter(), cpu_seconds(peer.pid)
    child.start()
    try:
        while not mine.poll(0.2):
            if not child.is_alive():
                raise RuntimeError("the artists ended")
        done = mine.recv()
    finally:
        child.kill()
    share = (cpu_seconds(peer.pid) - spent) / seconds
    print(f"  ({time.perf_counter() - begun:.1f} s by the clock)")
    heard = crowd.heard() - before
    _check(heard, done)
    return share, done, heard["tray timer, bytes"] / (done["updates"] + done["bursts"])


def _check(heard: Counter[str], done: dict[str, float]) -> None:
    """Raise unless everybody has heard what was theirs; who hears everything hears the hub's own too."""
    told, asked = done["updates"] + done["bursts"], done["menus"]
    expected = {"Connect": told * ARTISTS, "tray timer": told, "user server": asked, "processor": told}
    wrong = {kind: heard[kind] for kind, count in expected.items() if heard[kind] != count}
    if wrong or heard["leecher"] < told + asked:
        raise AssertionError(f"heard was {dict(heard)}, not {expected}")


def day_rows(folder: Path, quick: bool) -> Iterator[dict[str, Any]]:
    seconds, repeats = (10.0, 1) if quick else (60.0, 3)
    days = []
    for repeat in range(repeats):
        days.append(a_while(folder / f"studio{repeat}", seconds))
        print(f"  a studio of {ARTISTS} artists: {days[-1]}")
    shares = sorted(day.share for day in days)
    day = days[0]
    yield {
        "name": f"a studio of {ARTISTS} artists",
        "unit": "% of one core",
        "ours": statistics.median(shares) * 100,
        "peer": "-",
        "ratio": statistics.median(shares) / 0.2,
        "spread": f"{shares[0]:.1%} - {shares[-1]:.1%}",
        "goal": "under 20%",
        "note": f"{day.sockets} sockets, {day.subscriptions:,} subscriptions; {UPDATES} updates/s by the "
        f"tracker, {BURST} entities every {EVERY:g} s, {MENUS} menus/s with {REPLIES} replies each; "
        f"{day.update / 1000:.1f} KB an event in the mean, bursts included; all heard, counted; "
        "the leecher never replies, so each menu stays open for its 5 s",
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure both; `quick` only shows that it works."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("CALLBOARD_BENCH_FOLDER")) as made:
        return [*menu_rows(Path(made), quick), *day_rows(Path(made), quick)]


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
