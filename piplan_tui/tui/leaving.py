"""Leaving the interface: what still goes on is said, and what becomes of it is asked."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import anyio
from textual.css.query import NoMatches
from textual.widget import Widget
from textual.worker import WorkerFailed

from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_order import OrderedKeysApp
from piplan_tui.tui.own_runs import OwnRuns
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.run_view import RunView
from piplan_tui.tui.stakes import lost_with_run
from piplan_tui.views.line import Span, one_line

Ending = Literal["left", "kept", "ended", "stopped", "signal", "crashed"]


@dataclass(frozen=True)
class TuiResult:
    """Why the interface closed, and the run it showed last, if this process owns it.

    `ended`: the run had ended, or there was none. `left`: it had not; `PlanRuntime` pauses it on leaving.
    `kept`: the same, and the user wants it to go on in a process of its own. `stopped`: the user had it
    cancelled. `signal`: a signal came, its number in `signal_number`. `others` are the other runs of this process;
    what becomes of `run` becomes of those of them that have not ended.
    """

    run: Run | None
    ending: Ending
    signal_number: int = 0
    others: tuple[Run, ...] = ()


class Leaving(OrderedKeysApp[TuiResult]):
    """Nothing is ever stopped unasked, wherever in the interface the user is."""

    def __init__(self, *, can_keep_running: bool) -> None:
        super().__init__()
        self.own = OwnRuns()
        self.run_shown: Run | None = None
        self._can_keep_running = can_keep_running

    def take_in(self, run: Run) -> None:
        """This run is now this process's own, and the one that is on the screen."""
        self.own.add(run)
        self.run_shown = run

    def do_quit(self) -> None:
        """Leave; while runs of ours are going on, ask what is to become of them."""
        runs = self.own.going_on
        if not runs:
            self.leave("ended")
            return
        if isinstance(self.screen, ChoiceDialog):
            return
        if all(run.state.cancelling for run in runs):
            self.notify("The run is being stopped; this takes a moment.", markup=False)
            return
        what = "them" if len(runs) > 1 else "the run"
        choices = [
            Choice("stay", "n", "Stay"),
            *self._ways_to_keep_running(runs),
            Choice("leave", "l", "Pause and leave", f"go on with: piplan-tui resume {_named(runs)}"),
            Choice("stop", "R", f"Stop {what} and leave", "running work is lost"),
        ]
        self.push_screen(ChoiceDialog(self._unfinished(runs), _stakes(runs), choices), self._quit)

    def _unfinished(self, runs: Sequence[Run]) -> str:
        if len(runs) > 1:
            return f"{len(runs):,} runs are not finished"
        run = runs[0]
        # away from its screen, it is not clear which one is meant
        shown = any(isinstance(screen, RunView) and screen.run_handle is run for screen in self.screen_stack)
        return "The run is not finished" if shown else f"Run {one_line(run.state.title)} is not finished"

    def _ways_to_keep_running(self, runs: Sequence[Run]) -> list[Choice]:
        states = [run.state for run in runs]
        if not self._can_keep_running or all(state.status == "paused" for state in states):
            return []
        working = any(state.slots_used for state in states)
        busy = "; agents are interrupted and go on in the same conversation" if working else ""
        each = "each as a process of its own" if len(runs) > 1 else "as a process of its own"
        return [Choice("keep", "d", "Keep running without this screen", f"{each}{busy}")]

    def _quit(self, pick: str | None) -> None:
        if pick == "leave":
            self.leave("left")
        elif pick == "keep":
            self.leave("kept")
        elif pick == "stop":
            in_background(self, self._stop_and_leave, group="stop")

    async def _stop_and_leave(self) -> None:
        runs = self.own.going_on
        self.notify("Stopping the run…" if len(runs) == 1 else "Stopping the runs…", markup=False)
        stopped = True

        async def stop(run: Run) -> None:
            nonlocal stopped
            try:
                await run.cancel(reason="stopped by you")
            except (StoreError, ControlRefused) as problem:
                stopped = False  # who leaves now would not see it
                self.notify(str(problem), severity="error", markup=False)

        async with anyio.create_task_group() as tasks:
            for run in runs:
                tasks.start_soon(stop, run)
        if stopped:
            self.leave("stopped")

    def _handle_exception(self, error: Exception) -> None:
        # what a key or a call on its way still wants of a screen may be gone, or was never composed
        missed = error.error if isinstance(error, WorkerFailed) else error
        closing = self._exit or not self._running
        if not (isinstance(missed, NoMatches) and (closing or _of_what_is_gone(missed))):
            super()._handle_exception(error)

    def leave(self, ending: Ending, *, signal_number: int = 0) -> None:
        """Close the interface. What becomes of the runs is for the runtime, which outlives it."""
        self.restore_title()
        self.exit(self.result(ending, signal_number))

    def result(self, ending: Ending, signal_number: int = 0) -> TuiResult:
        """How the interface closes."""
        others = tuple(run for run in self.own.all if run is not self.run_shown)
        return TuiResult(self.run_shown, ending, signal_number, others)

    def restore_title(self) -> None:
        """Give the terminal the title back that it had."""


def _named(runs: Sequence[Run]) -> str:
    return one_line(runs[0].state.run_id) if len(runs) == 1 else "RUN"


def _stakes(runs: Sequence[Run]) -> list[Span]:
    if len(runs) == 1:
        return lost_with_run(runs[0].state, runs[0].now())
    spans: list[Span] = []
    for run in runs:
        state = run.state
        asks = f", {len(state.asks):,} to answer" if state.asks else ""
        spans.append(Span(f"{one_line(state.run_id)} ", "dim"))
        spans.append(Span(one_line(state.title), "strong"))
        spans.append(Span(f": {state.done:,} of {len(state.order):,} steps are done{asks}\n"))
    return [*spans, Span("What is done is kept, whatever you choose.", "dim")]


def _of_what_is_gone(missed: NoMatches) -> bool:
    """Whether it was a screen or widget that has been taken away that did not find a part of itself."""
    nodes = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(missed.__traceback__))
    return any(isinstance(node, Widget) and (node._closing or not node.is_attached) for node in nodes)
