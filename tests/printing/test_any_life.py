"""Any life of a printer: whatever is wished, whatever breaks: the orders hold and nothing raises."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from callboard.config.printer import Scripts
from callboard.printing.job import TABLE, State
from callboard.printing.virtual import Virtual
from callboard.printing.wishes import (
    Cancel,
    DeleteSd,
    Deselect,
    Disconnect,
    EmergencyStop,
    Gcode,
    Home,
    Pause,
    Print,
    RefreshSd,
    Resume,
    SelectSd,
    Start,
    Temperature,
    Transfer,
    Wish,
)
from tests.printing.joined import Joined, moves, program

PROGRAMS = (
    "",
    "; nothing\n",
    "G28\n",
    "G90\nG28\n" + moves(40),
    "G28\nM0\nM300\n@pause\nM300\n",
    "M109 S60\n" + moves(20) + "M226 P1\nM25\nM600\n",
    "M140 S60\nT3\nM300\n@cancel\nM300\n",
    "G28\nM112\nM300\n",
    moves(20_000) + "\0",
)
WISHES: tuple[Wish, ...] = (
    Pause(),
    Pause("jane"),
    Resume(),
    Cancel(),
    Start(),
    Start("joe"),
    Deselect(),
    RefreshSd(),
    Gcode(("M114",)),
    Gcode(("G28", "@pause")),
    Gcode(("@resume", "@cancel")),
    Home(),
    Temperature({"tool0": 50.0}),
    SelectSd("card.gco"),
    SelectSd("card.gco", then_print=True),
    SelectSd("none.gco"),
    DeleteSd("card.gco"),
)
TROUBLES = (
    "action_pause",
    "action_resume",
    "action_custom paused",
    "action_custom resumed",
    "action_custom cancel",
    "action_custom start",
    "action_custom prompt_begin hello",
    "action_custom prompt_show",
    "action_custom nonsense",
    "reset",
    "garbage 40",
    "lose_ok 2",
    "rerequest_last",
    "trigger_resend_checksum",
    "sleep 3",
    "start_sd card.gco",
    "cancel_sd",
    "eject_sd",
    "insert_sd",
)
FATAL = ("go_awol", "thermal_runaway", "action_disconnect")
SCRIPTED = Scripts(
    before_print="G28 X\nG4 P500", after_paused="G4 P500", before_resumed="M117 {z}", after_print="M117"
)

WAIT = st.sampled_from([0.0, 0.01, 0.1, 1.0, 3.0])
LUCK = st.integers(0, 9)
"""Rare things happen at 0."""


class Orders:
    """What must be true of any story; fed each happening once."""

    def __init__(self) -> None:
        self.connected = self.running = self.cancelled = self.may_settle = False
        self.state = State.OFFLINE
        self.last = ""

    def feed(self, name: str, data: Any) -> None:
        check = getattr(self, f"_{name}", None)
        if check is not None:
            check(data)
        assert data.get("time", 0.0) >= 0.0
        self.last = name

    def _PrinterStateChanged(self, data: Any) -> None:
        state = State[data["state_id"]]
        assert state in TABLE[self.state].values(), (self.state, state)
        self.state = state

    def _Connected(self, _: Any) -> None:
        assert not self.connected
        self.connected = True

    def _Disconnected(self, _: Any) -> None:
        assert self.connected
        assert not self.running
        self.connected = False

    def _PrintStarted(self, _: Any) -> None:
        assert not self.running
        assert self.state is State.STARTING
        self.running, self.cancelled, self.may_settle = True, False, False

    def _PrintCancelled(self, _: Any) -> None:
        assert self.running
        assert not self.cancelled
        self.cancelled = True

    def _PrintPaused(self, _: Any) -> None:
        assert self.running

    def _PrintResumed(self, _: Any) -> None:
        assert self.running

    def _Paused(self, _: Any) -> None:
        assert self.last == "PrintPaused"

    def _PrintFailed(self, data: Any) -> None:
        assert self.running
        assert data["reason"] == "error" or self.cancelled
        self.running = False

    def _PrintDone(self, _: Any) -> None:
        assert self.running
        assert not self.cancelled
        self.running, self.may_settle = False, True

    def _PrintSettled(self, _: Any) -> None:
        assert self.may_settle
        self.may_settle = False


class AnyLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bench = Joined({"scripts": SCRIPTED}, Virtual(speed=50.0, draw=False))
        self.bench.printer.card.put("card.gco", moves(200).encode())
        self.orders = Orders()
        self.seen = 0

    @precondition(lambda self: not self.bench.linked)
    @rule(wait=st.sampled_from([10.0, 10.0, 0.0, 1.0]))
    def open(self, wait: float) -> None:
        self.bench.open()
        self.bench.run(wait)

    @precondition(lambda self: not self.bench.linked)
    @rule(detecting=st.booleans(), luck=LUCK)
    def can_t_open(self, detecting: bool, luck: int) -> None:
        if luck:
            return
        self.bench.machine.connecting(self.bench.now, detecting=detecting)
        self.bench.machine.failed(self.bench.now, "It is not there.", detecting=detecting)

    @precondition(lambda self: self.bench.linked)
    @rule(text=st.sampled_from(PROGRAMS), wait=WAIT)
    def prints(self, text: str, wait: float) -> None:
        self.bench.do(Print(program(text)))
        self.bench.run(wait)

    @precondition(lambda self: self.bench.linked)
    @rule(text=st.sampled_from(PROGRAMS), wait=WAIT, luck=LUCK)
    def transfers(self, text: str, wait: float, luck: int) -> None:
        if not luck:
            self.bench.do(Transfer(program(text)))
            self.bench.run(wait)

    @rule(wish=st.sampled_from(WISHES), wait=WAIT)
    def wishes(self, wish: Wish, wait: float) -> None:
        self.bench.do(wish)
        self.bench.run(wait)

    @precondition(lambda self: self.bench.linked)
    @rule(wait=WAIT, again=st.booleans())
    def pauses_and_resumes(self, wait: float, again: bool) -> None:
        self.bench.do(Pause())
        self.bench.run(wait)
        self.bench.do(Resume() if again else Start())
        self.bench.run(wait)

    @precondition(lambda self: self.bench.linked)
    @rule(seconds=st.sampled_from([4.0, 15.0, 40.0]))
    def waits(self, seconds: float) -> None:
        self.bench.run(seconds)

    @precondition(lambda self: self.bench.linked)
    @rule(trouble=st.sampled_from(TROUBLES))
    def has_trouble(self, trouble: str) -> None:
        self.bench.trouble(trouble)

    @precondition(lambda self: self.bench.linked)
    @rule(trouble=st.sampled_from(FATAL), seconds=st.sampled_from([0.0, 1.0, 200.0]), luck=LUCK)
    def breaks(self, trouble: str, seconds: float, luck: int) -> None:
        if luck:
            return
        self.bench.trouble(trouble)
        self.bench.run(seconds)

    @precondition(lambda self: self.bench.linked)
    @rule(how=st.sampled_from(["cut", "wish", "stop"]), luck=LUCK)
    def leaves(self, how: str, luck: int) -> None:
        if luck:
            return
        if how == "cut":
            self.bench.cut()
        else:
            self.bench.do(Disconnect() if how == "wish" else EmergencyStop())

    @invariant()
    def orders_hold(self) -> None:
        self.bench._take()
        for _, happening in self.bench.happenings[self.seen :]:
            self.orders.feed(happening.name, happening.data)
        self.seen = len(self.bench.happenings)
        if not self.bench.linked:
            assert not self.orders.running
            assert not self.orders.connected

    def teardown(self) -> None:
        """A cancel always ends what runs, in bounded time; then the wire is cut."""
        if self.bench.linked:
            self.bench.do(Cancel())
            self.bench.run(700)
            ended = {"OPERATIONAL", "OFFLINE", "CLOSED_WITH_ERROR"}
            assert self.bench.state in ended, (self.bench.state, self.bench.latest)
            self.orders_hold()
        if self.bench.linked:
            self.bench.cut()
        self.orders_hold()


TestAnyLife = AnyLife.TestCase
TestAnyLife.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
