"""The terminal interface: screens on a runtime that lives outside of it."""

from __future__ import annotations

import asyncio
import difflib
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path, PurePath
from typing import ClassVar

import anyio
from textual.command import Provider
from textual.filter import LineFilter

from piplan_tui.config.screen_tables import Notify
from piplan_tui.resources import style_files
from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.background import in_background
from piplan_tui.tui.beginnings import CANNOT_BEGIN, Beginnings
from piplan_tui.tui.between_runs import BetweenRuns
from piplan_tui.tui.commands import ActionCommands
from piplan_tui.tui.garbage import LOOK_SECONDS, CollectorAtRest
from piplan_tui.tui.key_names import first_key
from piplan_tui.tui.leaving import TuiResult
from piplan_tui.tui.notices import Notices
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.focus_in_sight import FEW_ROWS
from piplan_tui.tui.screens.help import HelpScreen
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.stakes import start_spans
from piplan_tui.tui.terminal_driver import terminal_is_gone
from piplan_tui.tui.terminal_guard import AsciiFilter, CleanFilter
from piplan_tui.tui.theme_memory import ThemeMemory
from piplan_tui.tui.themes import OWN_THEMES
from piplan_tui.tui.toast_place import place_toasts
from piplan_tui.tui.widget_keys import widget_keys
from piplan_tui.views.line import one_line

_MOUSE_MODES = (1000, 1003, 1015, 1006)
MOUSE_ON = "".join(f"\x1b[?{mode}h" for mode in _MOUSE_MODES)
MOUSE_OFF = "".join(f"\x1b[?{mode}l" for mode in _MOUSE_MODES)
"""What Textual itself writes to take the mouse and to give it back."""

NOTHING_ELSE = Beginnings()
"""There is nothing to begin but plans and runs."""
PLAIN_NOTIFY = Notify()
"""The bell, and the desktop when nobody looks."""

TERMINAL_SECONDS = 1.0
"""How often it is looked whether the terminal is still there."""


class PiplanApp(BetweenRuns):
    """Shows `run`; or `watched`, a run of another process; or the plan at `plan_path` before it starts (at once with
    `auto_start`); or else what there is to choose from.

    `can_keep_running` offers to leave a run to a process of its own, which is for the caller to start.
    `theme` outranks what is in `theme_memory`. `keys_by_id` replaces keys by the ids of `piplan_tui.tui.actions`.
    `plain_list` says what happens in lines of words, for screen readers, and that nothing moves.
    """

    TITLE = "piplan"
    CSS_PATH: ClassVar[list[str | PurePath]] = [*style_files()]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionCommands}
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self,
        runtime: PlanRuntime,
        *,
        plan_path: Path | None = None,
        run: Run | None = None,
        watched: StoredRun | None = None,
        can_keep_running: bool = False,
        options: RunOptions | None = None,
        auto_start: bool = False,
        ascii_only: bool = False,
        plain_list: bool = False,
        markdown: bool = True,
        keys_by_id: Mapping[str, str] | None = None,
        beginnings: Beginnings = NOTHING_ELSE,
        notify: Notify = PLAIN_NOTIFY,
        theme: str = "",
        theme_memory: ThemeMemory | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            runtime,
            options,
            keys_by_id=keys_by_id,
            can_keep_running=can_keep_running,
            beginnings=beginnings,
            notify=notify,
            ascii_only=ascii_only,
            now=now,
        )
        self.plan_path = plan_path
        self._watched = watched
        if run is not None:
            self.take_in(run)
        for own in OWN_THEMES:
            self.register_theme(own)
        self._theme_wanted = theme
        self._theme_memory = theme_memory
        self.auto_start = auto_start
        self.VERTICAL_BREAKPOINTS = [(0, "-few-rows"), (FEW_ROWS, "-enough-rows")]
        self.plain_list = plain_list
        self.markdown = markdown
        """Whether messages of agents are laid out at first."""
        self.set_class(plain_list, "-plain-list")
        if plain_list:
            self.animation_level = "none"
        self._guards: list[LineFilter] = [CleanFilter(), *([AsciiFilter()] if ascii_only else [])]
        self._mouse = True
        self._collector = CollectorAtRest()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._guards]

    def _refresh_notifications(self) -> None:
        # whatever is told comes by here, and so does a screen that is gone to meanwhile
        super()._refresh_notifications()
        if self._notifications and self.screen_stack:
            self.call_later(place_toasts, self.screen)

    def _use_theme(self) -> None:
        wanted = self._theme_wanted
        if wanted in self.available_themes:
            self.theme = wanted
        elif wanted:
            near = difflib.get_close_matches(wanted, self.available_themes, n=1)
            guess = f'; did you mean "{near[0]}"?' if near else "; the palette lists them"
            said = f'There is no theme "{one_line(wanted)}"{guess}'
            self.notify(said, severity="warning", markup=False)

    async def _remember_theme(self, memory: ThemeMemory) -> None:
        """What was chosen last, unless the settings name a theme; from now on, what is chosen is kept."""
        if not self._theme_wanted and (kept := await memory.recall()) in self.available_themes:
            self.theme = kept
        self.watch(self, "theme", partial(self._keep_theme, memory), init=False)

    def _keep_theme(self, memory: ThemeMemory, name: str) -> None:
        async def keep() -> None:
            try:
                await memory.keep(name)
            except StoreError as problem:
                self.notify(str(problem), severity="warning", markup=False)

        in_background(self, keep, group="theme")

    async def on_mount(self) -> None:
        self._collector.begin()
        self.set_interval(LOOK_SECONDS, lambda: self._collector.look(time.monotonic() - self.last_key_at))
        self._use_theme()
        if self._theme_memory is not None:
            await self._remember_theme(self._theme_memory)
        if not self.is_headless:
            self.set_interval(TERMINAL_SECONDS, self._leave_without_terminal)
        if self.run_shown is not None:
            self.show_run(self.run_shown)
            if self.auto_start:
                in_background(self, self.run_shown.start, group="start")
            elif self.run_shown.state.status == "pending":
                self._ask_to_start(self.run_shown, lambda: self.leave("left"))
        elif self._watched is not None:
            self.show_run(self._watched)
        elif self.plan_path is not None:
            self.open_plan(self.plan_path, auto_start=self.auto_start)
        else:
            self.push_screen(self._home())

    def on_unmount(self) -> None:
        self._collector.end()

    def _leave_without_terminal(self) -> None:
        if terminal_is_gone():
            self.leave("signal", signal_number=signal.SIGHUP)

    def _ask_to_start(self, run: Run, declined: Callable[[], None]) -> None:
        """A workflow has no plan to look at first; its phases and limits are told before it spends anything."""

        def picked(pick: str | None) -> None:
            if pick == "start":
                in_background(self, run.start, group="start")
            else:
                declined()

        choices = [Choice("start", "y", "Start"), Choice("leave", "n", "Do not start it")]
        self.push_screen(
            ChoiceDialog(f"Start {one_line(run.state.title)}?", start_spans(run.state), choices), picked
        )

    def open_plan(self, path: Path, *, auto_start: bool = False) -> None:
        self.push_screen(PlanScreen(self.runtime, path, self.options, auto_start=auto_start))

    # -- messages of the screens -------------------------------------------------------------------

    def on_home_screen_plan_chosen(self, message: HomeScreen.PlanChosen) -> None:
        if message.plan.is_workflow:
            in_background(self, partial(self._open_workflow, message.plan.path), group="open", exclusive=True)
        else:
            self.open_plan(message.plan.path)

    async def _open_workflow(self, path: Path) -> None:
        if self._beginnings.workflow is None:
            self.notify(f"Open it with: piplan-tui {one_line(path.name)}", markup=False)
            return
        try:
            run = await self._beginnings.workflow(path)
        except CANNOT_BEGIN as problem:
            self.notify(str(problem), severity="error", markup=False)
            return
        screen = self.show_run(run)

        def declined() -> None:
            screen.dismiss()
            self.forget_run(run)
            in_background(self, partial(self._forget, run), group="forget")

        self._ask_to_start(run, declined)

    async def _forget(self, run: Run) -> None:
        """Of a run that was not started nothing is to be left."""
        try:
            await run.leave()
            await run.closed.wait()
            await self.runtime.store.delete_run(run.id)
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)
        if isinstance(self.screen, HomeScreen):
            await self.screen.do_refresh()

    async def on_home_screen_demo_chosen(self) -> None:
        if self._beginnings.demo is None:
            return
        try:
            path, options = await anyio.to_thread.run_sync(self._beginnings.demo)
        except CANNOT_BEGIN as problem:
            self.notify(str(problem), severity="error", markup=False)
            return
        self.push_screen(PlanScreen(self.runtime, path, options))

    def on_home_screen_run_chosen(self, message: HomeScreen.RunChosen) -> None:
        screen = self.show_run(message.run)
        if message.resume:
            screen.call_after_refresh(screen.take_up)

    def on_plan_screen_started(self, message: PlanScreen.Started) -> None:
        self.show_run(message.run, instead=True)

    # -- commands for every screen -----------------------------------------------------------------

    def do_palette(self) -> None:
        self.action_command_palette()

    def do_help(self) -> None:
        if isinstance(self.screen, ActionScreen):
            self.push_screen(HelpScreen(self.screen.actions(), widget_keys()))

    def do_redraw(self) -> None:
        """Write the whole screen again."""
        self.repaint()

    def action_do_redraw(self) -> None:
        self.do_redraw()

    def do_mouse(self) -> None:
        """Leave the mouse to the terminal, which can then select text, or take it back."""
        self._mouse = not self._mouse
        self.write_to_terminal(MOUSE_ON if self._mouse else MOUSE_OFF)
        key = first_key("app.mouse", self.keys_by_id)
        said = (
            "The mouse works here again"
            if self._mouse
            else f"The terminal selects text now; {key} takes it back"
        )
        self.notify(said, markup=False)

    def do_interrupt(self) -> None:
        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        else:
            self.do_quit()

    async def action_quit(self) -> None:
        # what Textual binds to Ctrl-q, in dialogs and fields too
        self.do_quit()


async def run_tui(app: PiplanApp, notices: Notices | None = None) -> TuiResult:
    """Show the interface until the user leaves. To be awaited inside `async with` its runtime.

    What `notices` are called with is shown meanwhile. The terminal is restored whatever happens, signals included.
    """
    if notices is not None:
        notices.show = partial(app.notify, severity="error", markup=False)
    loop = asyncio.get_running_loop()
    caught: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM)):
        # not on Windows, and not outside the main thread
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, partial(app.leave, "signal", signal_number=number))
            caught.append(number)
    try:
        result = await app.run_async()
    finally:
        if notices is not None:
            notices.show = None
        for number in caught:
            loop.remove_signal_handler(number)
    return result if result is not None else app.result("crashed")
