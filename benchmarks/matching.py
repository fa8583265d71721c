"""Matching: what one event costs among a million subscriptions, and against the official evaluator.

Run alone: `python benchmarks/matching.py [--quick]`. CPU time of one process; the two sides of a
ratio take turns, so that a noisy machine disturbs both. Documents are plain dicts: decoding an
event's JSON is paid once for an event, whoever listens, and belongs to fan-out.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from ftrack_api.event.expression import Parser

from callboard.event import Document, Event, seal
from callboard.expression import parse
from callboard.hub.index import Index
from callboard.hub.principal import Principal
from callboard.hub.recipient import Subscription

Texts = Callable[[int], Iterator[str]]
Mix = tuple[Texts, Callable[[int, random.Random], dict[str, Any]]]
Row = dict[str, Any]

SMALL = 10_000


def plain(count: int) -> Iterator[str]:
    """Two or three equal values: topic and user, every other one a project too."""
    for n in range(count):
        text = f"topic=studio.topic{n % 200} and source.user.username=user{n // 200}"
        yield text + (f" and data.project=project{n % 37}" if n % 2 else "")


def plain_event(count: int, chance: random.Random) -> dict[str, Any]:
    n = chance.randrange(count)
    return {
        "topic": f"studio.topic{n % 200}",
        "id": "e1",
        "source": {"id": "s1", "user": {"username": f"user{n // 200}"}},
        "data": {"project": f"project{n % 37}", "frame": n},
    }


def hard(count: int) -> Iterator[str]:
    """One topic for nearly all; of a hundred ten prefixes, ten ranges, one that only says what not."""
    chance = random.Random(1)
    for n in range(count):
        match n % 100:
            case 99:
                yield f"topic!=ftrack.* and not source.user.username=user{n}"
            case kind if kind >= 94:
                yield f"topic=ftrack.update and data.size>{n}"
            case kind if kind >= 89:
                yield f"topic=ftrack.update and data.frame>={n} and data.frame<{n + chance.randrange(1, 100)}"
            case kind if kind >= 84:
                yield f"topic=ftrack.* and data.asset=char{n}*"
            case kind if kind >= 79:
                yield f"topic=ftrack.update and data.path=/proj/s{n}/*"
            case _:
                yield f"topic=ftrack.update and source.user.username=user{n}"


def hard_event(count: int, chance: random.Random) -> dict[str, Any]:
    n = chance.randrange(count)
    return {
        "topic": "ftrack.update",
        "id": "e1",
        "source": {"id": "s1", "user": {"username": f"user{n}"}},
        "data": {
            "path": f"/proj/s{n}/plates/v1",
            "asset": f"char{n}_body",
            "frame": n,
            "size": chance.randrange(100),
        },
    }


def open_handed(count: int) -> Iterator[str]:
    """The hard mix, but what only says what not says it of one user each: nearly every event matches it."""
    for n, text in enumerate(hard(count)):
        yield f"not source.user.username=user{n}" if n % 100 == 99 else text


PLAIN: Mix = (plain, plain_event)
HARD: Mix = (hard, hard_event)
OPEN_HANDED: Mix = (open_handed, hard_event)


def index_of(texts: Iterator[str]) -> Index[int]:
    index: Index[int] = Index()
    for n, text in enumerate(texts):
        index.add(parse(text), n)
    return index


class Side:
    """An index and events for it; `cost` is the CPU time of an event in microseconds."""

    def __init__(self, mix: Mix, count: int, events: int) -> None:
        texts, event = mix
        chance = random.Random(2)
        self.index = index_of(texts(count))
        self.documents = [event(count, chance) for _ in range(events)]
        self.matches = sum(len(self.index.match(document)) for document in self.documents) / events

    def cost(self) -> float:
        match = self.index.match
        start = time.process_time()
        for document in self.documents:
            match(document)
        return (time.process_time() - start) / len(self.documents) * 1e6


def growth(name: str, mix: Mix, large: int, events: int, repeats: int, goal: float | None) -> Row:
    """A large index against a small one."""
    small_side, large_side = Side(mix, SMALL, events), Side(mix, large, events)
    gc.collect()
    gc.freeze()
    pairs = [(large_side.cost(), small_side.cost()) for _ in range(repeats)]
    gc.unfreeze()
    return {
        **compared(pairs),
        "name": f"{name}: {large:,} subscriptions against {SMALL:,}",
        "goal": f"<= {goal}" if goal else "-",
        "unit": "us an event",
        "note": f"an event matches {large_side.matches:.1f} against {small_side.matches:.1f}",
    }


def against_the_official_evaluator(count: int, events: int, repeats: int) -> Row:
    """The index against the official client's own way: each parsed expression, one after another."""
    ours = Side(PLAIN, count, events * 200)
    parser = Parser()
    theirs = [parser.parse(text) for text in plain(count)]
    documents = ours.documents[:events]

    def cost() -> float:
        start = time.process_time()
        for document in documents:
            for expression in theirs:
                expression.match(document)
        return (time.process_time() - start) / len(documents) * 1e6

    pairs = [(ours.cost(), cost()) for _ in range(repeats)]
    return {
        **compared([(peer, mine) for mine, peer in pairs]),
        "ours": statistics.median(mine for mine, _ in pairs),
        "peer": statistics.median(peer for _, peer in pairs),
        "name": f"{count:,} subscriptions against the official evaluator, one by one",
        "goal": ">= 1000",
        "unit": "us an event",
        "note": "times as fast",
    }


def compared(pairs: list[tuple[float, float]]) -> Row:
    """Return medians, and the ratio of each pair with its spread."""
    ratios = sorted(one / other for one, other in pairs)
    return {
        "ours": statistics.median(one for one, _ in pairs),
        "peer": statistics.median(other for _, other in pairs),
        "ratio": statistics.median(ratios),
        "spread": f"{ratios[0]:,.2f} - {ratios[-1]:,.2f}",
    }


def memory(mix_name: str, mix: Mix, count: int) -> Row:
    """Bytes that a subscription takes, counted by the allocator: expression, index, and the hub's own."""
    texts = list(mix[0](count))
    index_of(iter(texts[:100]))  # what all share is there
    subscriber = {"id": "s1"}
    gc.collect()
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    index: Index[Subscription] = Index()
    recipient: Any = SimpleNamespace(principal=Principal("admin"))  # counted with connections
    for text in texts:
        one = Subscription(recipient, text, parse(text), subscriber, 0)
        index.add(one.allowed, one)
    gc.collect()
    used = (tracemalloc.get_traced_memory()[0] - start) / count
    tracemalloc.stop()
    return {
        "name": f"memory of a subscription, {mix_name}",
        "ours": used,
        "peer": "-",
        "ratio": used / 1024,
        "spread": "-",
        "goal": "<= 1024",
        "unit": "bytes",
        "note": "expression, index and Subscription; its text (about 80) is shared with the caller",
    }


def one_topic(repeats: int) -> Row:
    """The smallest case, over and over: a hundred topics, one of them matches."""
    index = index_of(f"topic=t{n}" for n in range(100))
    document = Document(seal(Event("t7", {"n": 1})))
    costs = []
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(20_000):
            index.match(document)
        costs.append((time.process_time() - start) / 20_000 * 1e6)
    return {
        "name": "one of a hundred topics",
        "ours": statistics.median(costs),
        "peer": "-",
        "ratio": "-",
        "spread": f"{min(costs):.2f} - {max(costs):.2f}",
        "goal": "about 1",
        "unit": "us an event",
        "note": "spread in us",
    }


def run(quick: bool) -> list[Row]:
    """Return the rows of this benchmark; `quick` is a smoke run, its figures say little."""
    large, events, repeats = (SMALL * 2, 500, 3) if quick else (1_000_000, 20_000, 11)
    return [
        one_topic(repeats),
        growth("plain mix", PLAIN, large, events, repeats, 1.5),
        growth("hard mix", HARD, large, events, repeats, 1.5),
        growth("hard mix, negations that match", OPEN_HANDED, large, max(events // 50, 50), repeats, None),
        against_the_official_evaluator(200 if quick else SMALL, 3 if quick else 20, 3 if quick else 7),
        memory("plain mix", PLAIN, 2_000 if quick else 50_000),
        memory("hard mix", HARD, 2_000 if quick else 50_000),
    ]


def shown(row: Row) -> str:
    figures = (row[key] for key in ("ours", "peer", "ratio"))
    numbers = [figure if isinstance(figure, str) else f"{figure:,.2f}" for figure in figures]
    return " | ".join([row["name"], row["unit"], *numbers, row["spread"], row["goal"], row["note"]])


if __name__ == "__main__":
    print("name | unit | ours | peer | ratio | min - max | goal | note")
    for row in run("--quick" in sys.argv):
        print(shown(row), flush=True)
