"""`attach`: a run of another process, in the terminal view or as lines."""

from __future__ import annotations

import argparse
import signal
import sys

import anyio
from anyio.abc import TaskStatus

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.cli.context import Context, in_terminal, make_context, now
from piplan_tui.cli.dispatch import CANCELLED
from piplan_tui.cli.driving import HEARTBEAT_SECONDS, exit_code, last_lines
from piplan_tui.cli.output import LineWriter, put_result, use_colour
from piplan_tui.cli.parser import UsageError
from piplan_tui.run import events as ev
from piplan_tui.run.asks import read_request
from piplan_tui.run.state import HOLDS_SLOT
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.views.line import one_line
from piplan_tui.views.plain import PlainPrinter
from piplan_tui.views.questions import ask_order
from piplan_tui.views.run_result import result_text
from piplan_tui.views.summary import result_line
from piplan_tui.views.terminal_json import terminal_safe


async def attach(args: argparse.Namespace) -> int:
    """Watch a run until it ends, or until nobody owns it any more."""
    context = make_context(args)
    run_id = await context.find_run(args.run)
    if context.given("ui") == "tui" and not in_terminal():
        raise UsageError("--ui tui needs a terminal on stdin and stdout.")
    if context.given("ui") in (None, "tui") and in_terminal():
        from piplan_tui.cli.terminal_view import show_elsewhere

        return await show_elsewhere(context, run_id)
    return await Watch(context, await StoredRun.open(context.store, run_id, now)).until_end()


class Watch:
    """Prints what happens to a run elsewhere; Ctrl-C ends the watching only.

    As `json`, every event of the run is printed, also those from before; as lines, first where it stands.
    """

    def __init__(self, context: Context, run: StoredRun) -> None:
        self._context = context
        self._run = run
        self._ui = context.settings.ui
        self._verbosity: int = context.given("verbose") or 0
        self._people = LineWriter(sys.stderr)
        self._programs = LineWriter(sys.stdout) if self._ui == "json" else None
        self._printer = PlainPrinter(
            run.state,
            lambda ask: read_request(ask.request),
            verbosity=self._verbosity,
            colour=use_colour(sys.stderr),
        )
        self._moved = anyio.Event()
        self._printed = 0

    async def until_end(self) -> int:
        """Returns the exit code: that of the run, 4 when it is left as it is, 3 when the watching was ended."""
        run = self._run
        stopped = False
        try:
            async with anyio.create_task_group() as tasks:

                async def stop_on_signal(*, task_status: TaskStatus[None]) -> None:
                    nonlocal stopped
                    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
                        task_status.started()
                        async for _ in received:
                            stopped = True
                            tasks.cancel_scope.cancel()

                await tasks.start(stop_on_signal)
                await self._begin()
                if not self._over:
                    tasks.start_soon(run.follow)
                    tasks.start_soon(self._notice_owner)
                    if self._ui == "plain":
                        tasks.start_soon(self._beat)
                while not self._over:
                    await self._moved.wait()
                    self._moved = anyio.Event()
                tasks.cancel_scope.cancel()
            self._end(stopped)
        finally:
            self._people.close()
            if self._programs is not None:
                self._programs.close()
        if self._ui == "quiet" and not stopped:
            put_result(result_text(run.state))
        return CANCELLED if stopped else exit_code(run.state)

    @property
    def _over(self) -> bool:
        return self._run.owner is None or self._run.state.ended

    async def _notice_owner(self) -> None:
        while True:
            await self._run.owner_changed.wait()
            self._moved.set()

    async def _begin(self) -> None:
        run, state = self._run, self._run.state
        run.subscribe(self._on_event)
        if self._programs is not None:
            async for event in self._context.store.read(run.id):
                if event.seq > state.seq:
                    break
                self._print(event)
        elif self._ui == "plain" and run.owner is not None:
            where = f"{result_line(state, now())} · in process {run.owner.pid}; Ctrl-C stops watching only"
            self._people.write([where])
            for ask in ask_order(state):
                self._people.write(self._printer.question(ask))
        if self._ui == "plain" and self._verbosity >= 2:
            run.transcripts.subscribe(self._on_said)
            for step in state.order:
                if step.status in HOLDS_SLOT and step.attempt is not None:
                    await run.transcripts.tail(step.id, step.attempt.number, max_bytes=0)

    def _on_event(self, event: ev.RuntimeEvent) -> None:
        if self._ui == "plain":
            if self._verbosity >= 2 and isinstance(event, ev.StepStarted):
                self._run.transcripts.follow(event.step_id, event.attempt)
            self._people.write(self._printer.event(event))
        else:
            self._print(event)
        self._moved.set()

    def _print(self, event: ev.RuntimeEvent) -> None:
        # what is only shown because the owner is gone has no number of its own, and is not in the store
        if self._programs is not None and event.seq > self._printed:
            self._printed = event.seq
            self._programs.write([terminal_safe(ev.encode_event(event).decode())])

    def _on_said(self, step_id: str, _attempt: int, event: SessionEvent) -> None:
        self._people.write(self._printer.said(step_id, event))

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(HEARTBEAT_SECONDS)
            self._people.write(self._printer.heartbeat(now(), self._run.last_activity))

    def _end(self, stopped: bool) -> None:
        run, context = self._run, self._context
        if stopped and run.owner is not None:
            self._people.write(
                [f"run {one_line(run.id)} goes on in process {run.owner.pid}: piplan-tui attach {run.id}"]
            )
            return
        self._people.write(
            last_lines(
                run.state,
                now(),
                ui=self._ui,
                log_path=context.log_path(run.id),
                ascii_only=context.settings.ascii,
            )
        )
