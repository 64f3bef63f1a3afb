"""Sees a run through without the terminal view: prints it, obeys signals, lets other processes steer it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

import anyio
import psutil
from anyio.abc import TaskGroup, TaskStatus

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.clean import clean_text
from piplan_tui.cli.ask_command import Heard, ask_commands
from piplan_tui.cli.dispatch import CANCELLED, COMPLETED, FAILED, WAITING
from piplan_tui.cli.output import LineWriter, put_result, use_colour
from piplan_tui.config.screen_tables import Notify
from piplan_tui.config.settings import OnAsk, Ui
from piplan_tui.run import events as ev
from piplan_tui.run.asks import read_request
from piplan_tui.run.control_watch import serve_control
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.state import RunState
from piplan_tui.store.protocol import StoreError
from piplan_tui.views.ask_text import answer_commands
from piplan_tui.views.line import one_line
from piplan_tui.views.plain import PlainPrinter
from piplan_tui.views.questions import ask_order, question
from piplan_tui.views.run_result import result_text
from piplan_tui.views.summary import LogPath, failed_step_lines, result_line, summary
from piplan_tui.views.terminal_json import terminal_safe

HEARTBEAT_SECONDS = 60.0
NOBODY = Notify(bell=False, desktop="never")
"""Questions are told to nobody but who reads the lines."""
KILL_WAIT_SECONDS = 2.0
"""How long a disk may take to note that the run was cancelled before this process kills itself."""


def exit_code(state: RunState) -> int:
    """What a run's end means to a script."""
    return {"completed": COMPLETED, "failed": FAILED, "cancelled": CANCELLED}.get(state.status, WAITING)


def ending_lines(
    state: RunState, now: datetime, *, log_path: LogPath | None = None, ascii_only: bool = False
) -> list[str]:
    """What stands on the screen when a run was left: its summary, and what it waits for."""
    return [*_open_questions(state), *summary(state, now, log_path=log_path, ascii_only=ascii_only)]


def last_lines(
    state: RunState, now: datetime, *, ui: Ui, log_path: LogPath | None = None, ascii_only: bool = False
) -> list[str]:
    """What is printed last, after all that was printed meanwhile."""
    if ui == "plain":
        return ["", *ending_lines(state, now, log_path=log_path, ascii_only=ascii_only)]
    lines = [result_line(state, now)]
    for step in state.order:
        if ui == "quiet" and step.status == "failed":
            lines += failed_step_lines(step, log_path)
    return lines + _open_questions(state)


def _open_questions(state: RunState) -> list[str]:
    lines = []
    for ask in ask_order(state):
        lines.append(f"? {one_line(ask.asker)}: {question(ask)}")
        lines += [f"    {line}" for line in answer_commands(state.run_id, ask, read_request(ask.request))]
    return lines


class Drive:
    """One run, from now until it has ended or nothing can move without the user.

    Listens from the moment that it is made, so that what is done to the run before `see_through` is printed
    too. `run_dir` is `None` for a run that no other process can see. SIGHUP cancels the run like other signals
    if `hang_up_ends`. `on_started` is called once it moves.
    """

    def __init__(
        self,
        run: Run,
        *,
        ui: Ui,
        on_ask: OnAsk,
        run_dir: Path | None,
        log_path: LogPath | None = None,
        verbosity: int = 0,
        ascii_only: bool = False,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        hang_up_ends: bool = True,
        on_started: Callable[[], None] = lambda: None,
        notify: Notify = NOBODY,
    ) -> None:
        self._run = run
        self._ui = ui
        self._on_ask = on_ask
        self._run_dir = run_dir
        self._log_path = log_path
        self._ascii_only = ascii_only
        self._heartbeat_seconds = heartbeat_seconds
        self._hang_up_ends = hang_up_ends
        self._on_started = on_started
        self._notify = notify
        self._tell_command: Heard = lambda state, event: None
        self._people = LineWriter(sys.stderr)
        self._programs = LineWriter(sys.stdout) if ui == "json" else None
        self._printer = PlainPrinter(
            run.state,
            lambda ask: read_request(ask.request),
            verbosity=verbosity,
            colour=use_colour(sys.stderr),
            answered_by_user=self._says_how_to_answer,
        )
        self._moved = anyio.Event()
        self._asked = anyio.Event()
        self._policy = anyio.Lock()
        self._tried: set[str] = set()
        self._unsubscribe: list[Callable[[], None]] = [run.subscribe(self._on_event)]
        if ui == "plain" and verbosity >= 2:
            self._unsubscribe.append(run.transcripts.subscribe(self._on_said))

    def _says_how_to_answer(self) -> bool:
        """Under a question: not where nobody is to answer it, nor where the same is printed at the end, at once."""
        counts = self._run.state.counts
        goes_on = any(counts.get(status) for status in ("running", "retrying", "queued"))
        return self._on_ask == "wait" or (self._on_ask == "exit" and goes_on)

    # -- listening -----------------------------------------------------------------------------

    def _on_event(self, event: ev.RuntimeEvent) -> None:
        if self._ui == "plain":
            self._people.write(self._printer.event(event))
        elif self._programs is not None:
            self._programs.write([terminal_safe(ev.encode_event(event).decode())])
        if isinstance(event, ev.StepWaitingUser | ev.AskOpened | ev.RunAsked):
            self._asked.set()
            self._tell_command(self._run.state, event)
        self._moved.set()

    def _on_said(self, step_id: str, _attempt: int, event: SessionEvent) -> None:
        self._people.write(self._printer.said(step_id, event))

    def _tell(self, lines: Iterable[str]) -> None:
        self._people.write(lines)

    def _tell_problem(self, problem: str) -> None:
        self._people.write([f"piplan-tui: {problem}"])

    # -- the run -------------------------------------------------------------------------------

    async def see_through(self) -> int:
        """Start the run, see it through, let go of it, print how it ended. Returns the exit code."""
        run = self._run
        problem = ""
        try:
            async with ask_commands(self._notify, self._tell_problem) as self._tell_command:
                async with anyio.create_task_group() as tasks:
                    await tasks.start(self._obey_signals)
                    if self._run_dir is not None:
                        tasks.start_soon(serve_control, run, self._run_dir)
                    if self._ui == "plain":
                        tasks.start_soon(self._beat)
                    if self._on_ask in ("fail", "defaults"):
                        tasks.start_soon(self._apply_policy)
                    if self._ui == "plain":
                        for ask in ask_order(run.state):
                            self._tell(self._printer.question(ask))
                    await run.start()
                    self._on_started()
                    try:
                        await self._until_rest()
                    except StoreError as error:
                        problem = str(error)
                    tasks.cancel_scope.cancel()
                await run.leave()
        finally:
            for unsubscribe in self._unsubscribe:
                unsubscribe()
            self._tell(self._ending(problem))
            self._people.close()
            if self._programs is not None:
                self._programs.close()
        if self._ui == "quiet":
            put_result(result_text(run.state))
        return FAILED if problem else exit_code(run.state)

    async def _until_rest(self) -> None:
        run = self._run
        while True:
            try:
                if (await run.wait()).ended:
                    return
            except StoreError as error:
                if self._on_ask != "wait":
                    raise
                self._tell(
                    [f"run {run.id} pauses: {clean_text(str(error))}; it goes on once it can be stored"]
                )
                await run.until_storable()
                self._tell([f"run {run.id} goes on"])
                continue
            if await self._settle_asks():
                continue
            if self._on_ask != "wait":
                return
            self._moved = anyio.Event()
            await self._moved.wait()

    async def _apply_policy(self) -> None:
        while True:
            self._asked = anyio.Event()
            await self._settle_asks()
            await self._asked.wait()

    async def _settle_asks(self) -> bool:
        """Do with open questions what `--on-ask` says; false when nothing was done."""
        if self._on_ask not in ("fail", "defaults"):
            return False
        done = False
        async with self._policy:
            for ask in list(self._run.state.asks.values()):
                if ask.id in self._tried or (ask.kind and self._on_ask == "fail"):
                    continue  # no step waits for the run's own questions; it stays as it is, and nothing is lost
                self._tried.add(ask.id)
                with suppress(ControlRefused):  # somebody was quicker
                    if self._on_ask == "fail":
                        reason = f"nobody is there to answer: {question(ask)}"
                        await self._run.fail_waiting(ask.step_id, reason, by="policy")
                        done = True
                    else:
                        done = await self._run.answer_with_defaults(ask.id) or done
        return done

    async def _beat(self) -> None:
        while True:
            await anyio.sleep(self._heartbeat_seconds)
            self._tell(self._printer.heartbeat(self._run.now(), self._run.last_activity))

    # -- signals -------------------------------------------------------------------------------

    async def _obey_signals(self, *, task_status: TaskStatus[None]) -> None:
        async with anyio.create_task_group() as tasks:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
                task_status.started()
                cancelling = False
                async for number in received:
                    if number is signal.SIGHUP and not self._hang_up_ends:
                        continue
                    if cancelling:
                        await self._kill(tasks)
                    cancelling = True
                    self._begin_cancel(tasks, number)

    def _begin_cancel(self, tasks: TaskGroup, number: signal.Signals) -> None:
        if self._ui == "plain":
            again = "Ctrl-C again" if number is signal.SIGINT else "a second signal"
            self._tell([f"{number.name}: cancelling in order; {again} kills at once"])
        tasks.start_soon(self._cancel, number.name)

    async def _cancel(self, why: str) -> None:
        with anyio.CancelScope(shield=True):
            await self._run.cancel(reason=why)

    async def _kill(self, tasks: TaskGroup) -> None:
        """End this process and all that it started, now. The run stays as a cancel that was asked for."""
        kill_children()
        noted = anyio.Event()

        async def note() -> None:
            with suppress(StoreError):
                await self._run.stored()
            noted.set()

        # started after the cancel of the first signal, so that it waits for that one's mark; beside this
        # task, because a disk that hangs cannot be cancelled
        tasks.start_soon(note)
        with anyio.move_on_after(KILL_WAIT_SECONDS):
            await noted.wait()
        with suppress(OSError):
            os.write(2, f"killed; run {self._run.id} is marked as cancelled\n".encode())
        os._exit(CANCELLED)

    # -- the end -------------------------------------------------------------------------------

    def _ending(self, problem: str) -> list[str]:
        run = self._run
        lines = last_lines(
            run.state, run.now(), ui=self._ui, log_path=self._log_path, ascii_only=self._ascii_only
        )
        if problem or run.problem:
            lines.append(f"piplan-tui: {clean_text(problem or run.problem)}")
        return lines

    # -- use as a context ----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._people.close()
        if self._programs is not None:
            self._programs.close()


def kill_children() -> None:
    """Kill every process that this one started, and their process groups."""
    own_group = os.getpgrp()
    for child in psutil.Process().children(recursive=True):
        with suppress(OSError, psutil.Error):
            group = os.getpgid(child.pid)
            if group != own_group:
                os.killpg(group, signal.SIGKILL)
            child.kill()
