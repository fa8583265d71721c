"""Sessions between handshake and socket."""

from __future__ import annotations

from callboard.hub.principal import Principal
from callboard.server.sessions import LIFE, Sessions

ANN = Principal("ann")


class Clock:
    """Time that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_good_once() -> None:
    sessions = Sessions()
    name = sessions.issue(ANN)
    assert sessions.take(name) is ANN
    assert sessions.take(name) is None
    assert sessions.take("guessed") is None


def test_a_session_is_good_for_a_while() -> None:
    clock = Clock()
    sessions = Sessions(clock=clock)
    early, late = sessions.issue(ANN), sessions.issue(ANN)
    clock.now += LIFE - 0.1
    assert sessions.take(early) is ANN
    clock.now += 0.2
    assert sessions.take(late) is None


def test_ten_thousand_handshakes_that_go_away_are_forgotten() -> None:
    clock = Clock()
    sessions = Sessions(clock=clock)
    for _ in range(10_000):
        sessions.issue(ANN)
    clock.now += LIFE
    sessions.issue(ANN)
    assert len(sessions) == 1


def test_the_oldest_go_when_there_are_too_many() -> None:
    sessions = Sessions(most=100)
    names = [sessions.issue(ANN) for _ in range(1000)]
    assert len(sessions) == 100
    assert sessions.take(names[0]) is None
    assert sessions.take(names[-100]) is ANN


def test_session_ids_are_random_and_fit_into_a_path() -> None:
    sessions = Sessions()
    names = {sessions.issue(ANN) for _ in range(1000)}
    assert len(names) == 1000
    assert all(name.replace("-", "").replace("_", "").isalnum() and len(name) >= 32 for name in names)
