"""The table of states."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.job import JOB, OPEN, TABLE, State, Trigger, diagram, follow

PAGE = Path(__file__).parents[2] / "docs" / "printing.md"


def test_the_diagram_in_the_docs_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}```" in PAGE.read_text()


def test_every_state_can_be_reached() -> None:
    reached = {State.OFFLINE}
    while more := {target for state in reached for target in TABLE[state].values()} - reached:
        reached |= more
    assert reached == set(State)


def test_every_state_leads_back_to_offline_or_says_that_there_was_an_error() -> None:
    ends = {State.OFFLINE, State.CLOSED_WITH_ERROR}
    for state in State:
        assert state in ends or TABLE[state][Trigger.CLOSED] in ends


def test_a_job_begins_only_with_start() -> None:
    into = {
        (source, trigger) for source in set(State) - JOB for trigger, to in TABLE[source].items() if to in JOB
    }
    assert into == {(State.OPERATIONAL, Trigger.START)}


def test_a_job_ends_by_one_of_four_doors() -> None:
    out = {trigger for source in JOB for trigger, to in TABLE[source].items() if to not in JOB}
    assert out == {Trigger.SETTLED, Trigger.CANCELLED, Trigger.FAULT, Trigger.CLOSED}


def test_a_fault_ends_every_open_state() -> None:
    assert all(follow(state, Trigger.FAULT) is State.ERROR for state in OPEN)


@given(st.lists(st.sampled_from(Trigger)))
def test_no_trigger_is_too_much_for_any_state(triggers: list[Trigger]) -> None:
    state = State.OFFLINE
    for trigger in triggers:
        state = follow(state, trigger) or state
    assert state in State
