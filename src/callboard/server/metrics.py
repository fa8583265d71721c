"""What can be measured, in Prometheus' text format.

Labels are bounded: routes are patterns, methods known ones, cursors the furthest behind. Values are taken
when somebody asks; nothing is counted twice. docs/operations.md lists them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest

from msgspec import Struct
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.responses import Response

from callboard import __version__
from callboard.errors import Unauthenticated
from callboard.event import Entry
from callboard.hub.log import Log
from callboard.server.operation import Call, House

MEDIA = "text/plain; version=0.0.4"
_MOST_CURSORS = 1000


class LogFigures(Struct, frozen=True):
    """What the log says of itself at one moment."""

    first: int
    last: int
    newest: float
    size: int
    cursors: Mapping[str, int]


async def metrics(call: Call) -> Response:
    """Measure.

    Prometheus' text format. With any key, or without one from this machine itself.
    """
    if call.caller is None and not call.local:
        raise Unauthenticated
    figures = await log_figures(call.house.hub.log)
    registry = CollectorRegistry()
    registry.register(Figures(call.house, figures))
    return Response(generate_latest(registry), media_type=MEDIA)


async def log_figures(log: Log) -> LogFigures:
    """Ask the log."""
    last = await log.last()
    newest = await log.read(last - 1, 1) if last else ()
    return LogFigures(await log.first(), last, _time(newest), await log.size(), await log.cursors())


def _time(entries: Sequence[Entry]) -> float:
    return entries[0].time if entries else 0.0


class Figures(Collector):
    """The families of metrics at one moment."""

    def __init__(self, house: House, log: LogFigures) -> None:
        self._house, self._log = house, log

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield from self._hub()
        yield from self._log_families()
        yield from self._cursors()
        yield from self._http()

    def _hub(self) -> Iterator[Metric]:
        hub = self._house.hub
        yield _gauge("info", "Which Callboard this is; always 1.", 1, version=__version__)
        yield CounterMetricFamily("callboard_events_accepted", "Events taken in.", hub.accepted)
        yield CounterMetricFamily("callboard_events_refused", "Events refused.", hub.refused)
        yield CounterMetricFamily(
            "callboard_events_delivered", "Events handed to recipients.", hub.router.delivered
        )
        yield CounterMetricFamily(
            "callboard_replies_dropped",
            "Replies that came late, twice, unasked, or were too much to keep.",
            hub.requests.dropped,
        )
        yield _gauge("connections", "Open sockets of clients.", self._house.connections())
        yield _gauge("sessions", "Handshakes that wait for their socket.", len(self._house.sessions))
        yield _gauge("streams", "Open streams over HTTP.", self._house.streams.open)
        yield _gauge("subscriptions", "Subscriptions, all recipients together.", len(hub.router.targets))
        yield _gauge("recipients_behind", "Recipients that read the log to catch up.", hub.router.behind)
        yield _gauge("requests_open", "Requests that wait for replies.", len(hub.requests))
        yield _gauge("nodes", "Nodes on this log.", hub.log.nodes())

    def _log_families(self) -> Iterator[Metric]:
        log, hub = self._log, self._house.hub
        yield _gauge("log_head", "Position of the newest entry.", log.last)
        yield _gauge("log_entries", "Entries that the log holds.", max(log.last - log.first + 1, 0))
        yield _gauge("log_bytes", "Bytes that the log takes where it is stored.", log.size)
        yield _gauge(
            "log_lag", "Entries that are stored and not routed yet.", max(log.last - hub.router.position, 0)
        )
        yield _gauge("log_failed", "1 when the newest append failed.", int(hub.failure is not None))
        yield _gauge("log_newest_seconds", "When the newest entry was stored, since 1970.", log.newest)
        yield _gauge("time_seconds", "This machine's time since 1970.", time.time())

    def _cursors(self) -> Iterator[Metric]:
        lags = {name: max(self._log.last - at, 0) for name, at in self._log.cursors.items()}
        yield _gauge("cursors", "Durable subscribers that have a cursor.", len(lags))
        family = GaugeMetricFamily(
            "callboard_cursor_lag",
            f"Entries between a durable subscriber and the head; the {_MOST_CURSORS} furthest behind.",
            labels=["cursor"],
        )
        for name in nlargest(_MOST_CURSORS, lags, key=lags.__getitem__):
            family.add_metric([name], lags[name])
        yield family

    def _http(self) -> Iterator[Metric]:
        counts = self._house.counts
        requests = CounterMetricFamily(
            "callboard_http_requests", "Requests over HTTP.", labels=["route", "method", "status"]
        )
        for (route, method, status), count in counts.requests.items():
            requests.add_metric([route, method, str(status)], count)
        yield requests
        seconds = CounterMetricFamily(
            "callboard_http_seconds",
            "Seconds that requests took, streams included.",
            labels=["route", "method"],
        )
        for (route, method), spent in counts.seconds.items():
            seconds.add_metric([route, method], spent)
        yield seconds


def _gauge(name: str, text: str, value: float, **labels: str) -> Metric:
    family = GaugeMetricFamily(f"callboard_{name}", text, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
