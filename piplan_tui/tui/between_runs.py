"""From one run to another and to the list of all, while those of this process go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from textual.screen import Screen

from piplan_tui.config.screen_tables import Notify
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.background import in_background
from piplan_tui.tui.beginnings import Beginnings
from piplan_tui.tui.desktop_notice import look_at_tmux, notice_sequence
from piplan_tui.tui.key_names import first_key
from piplan_tui.tui.leaving import Leaving
from piplan_tui.tui.screens.action_screen import BOTTOM_SCREENS
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.terminal_guard import to_ascii
from piplan_tui.tui.terminal_title import (
    RESTORE_TITLE,
    SAVE_TITLE,
    set_title_sequence,
    title_for,
    title_for_all,
)
from piplan_tui.tui.widgets.run_header import RunHeader


class BetweenRuns(Leaving):
    """The screen of a run of ours stays as it was left, and tells of questions also while another one is shown."""

    def __init__(
        self,
        runtime: PlanRuntime,
        options: RunOptions | None,
        *,
        keys_by_id: Mapping[str, str] | None,
        can_keep_running: bool,
        beginnings: Beginnings,
        notify: Notify,
        ascii_only: bool,
        now: Callable[[], datetime],
    ) -> None:
        super().__init__(can_keep_running=can_keep_running)
        self.runtime = runtime
        self.options = options
        self.keys_by_id = dict(keys_by_id or {})
        self.set_keymap(self.keys_by_id)
        self._beginnings = beginnings
        self._how_to_notify = notify
        self.ascii_only = ascii_only
        self._now = now
        self._screens: dict[str, RunScreen] = {}
        """Of the runs of this process, by their ids."""
        self._title = ""
        self._title_saved = False

    # -- where the user is -------------------------------------------------------------------------

    def show_run(self, run: Run | StoredRun, *, instead: bool = False) -> RunScreen:
        """Go to the screen of a run; `instead` of the one that is shown now."""
        screen = self._screens.get(run.id)
        if screen is None:
            screen = RunScreen(run, self.runtime)
            if not isinstance(run, StoredRun):
                self._keep(screen, run)
        elif screen.is_mounted:
            screen.call_after_refresh(screen.show_selected)
        if not isinstance(run, StoredRun):
            self.take_in(run)
        if instead:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)
        self._tell_title()
        return screen

    def _keep(self, screen: RunScreen, run: Run) -> None:
        self._screens[run.id] = screen
        # so that it lives on while it is not shown
        self.install_screen(screen, f"run {run.id}")

    def _let_go_of(self, screen: RunScreen) -> None:
        if self._screens.pop(screen.run_handle.id, None) is screen:
            self.uninstall_screen(screen)

    def on_steering_taken_over(self, message: RunScreen.TakenOver) -> None:
        self.take_in(message.run)
        for screen in self.screen_stack:
            if isinstance(screen, RunScreen) and screen.run_handle is message.run:
                self._keep(screen, message.run)

    def do_home(self) -> None:
        """Show all runs. Those of this process go on."""
        has_home = any(isinstance(screen, HomeScreen) for screen in self.screen_stack)
        while not isinstance(self.screen, HomeScreen) and len(self.screen_stack) > BOTTOM_SCREENS:
            left = self.screen
            self.pop_screen()
            self._let_go_if_ended(left)
        if not has_home:
            left = self.screen
            self.switch_screen(self._home())
            self._let_go_if_ended(left)
        self._tell_title()

    def _let_go_if_ended(self, screen: Screen[Any]) -> None:
        if isinstance(screen, RunScreen) and screen.state.ended:
            self._let_go_of(screen)

    def forget_run(self, run: Run) -> None:
        """It is not to be shown any more."""
        self.own.forget(run)
        self.run_shown = None
        if (screen := self._screens.get(run.id)) is not None:
            self._let_go_of(screen)

    def _home(self) -> HomeScreen:
        has_demo = self._beginnings.demo is not None
        return HomeScreen(self.runtime, self.options, own=self.own, has_demo=has_demo, now=self._now)

    # -- what is to be heard from runs that are not shown --------------------------------------------

    @property
    def _shown(self) -> RunScreen | None:
        screens = [screen for screen in self.screen_stack if isinstance(screen, RunScreen)]
        return screens[-1] if screens else None

    def on_run_screen_title_changed(self) -> None:
        self._tell_title()

    def _tell_title(self) -> None:
        shown = self._shown
        if shown is not None:
            title = title_for(shown.state, elsewhere=self.own.asks_besides(shown.run_handle.id))
        else:
            title = title_for_all(run.state for run in self.own.going_on)
        title = to_ascii(title) if self.ascii_only else title
        if title != self._title:
            self._title = title
            self.write_to_terminal(("" if self._title_saved else SAVE_TITLE) + set_title_sequence(title))
            self._title_saved = True

    def restore_title(self) -> None:
        if self._title_saved:
            self._title_saved = False
            self.write_to_terminal(RESTORE_TITLE)

    def on_run_screen_asked(self, message: RunScreen.Asked) -> None:
        """Once per question: for somebody who may be elsewhere."""
        how = self._how_to_notify
        if how.bell:
            self.bell()
        if how.desktop == "always" or (how.desktop == "away" and not self.app_focus):
            in_background(self, partial(self._notify_desktop, message.title, message.text), group="notify")
        shown = self._shown
        if shown is None or shown.run_handle.id != message.run_id:
            there = (
                ""
                if isinstance(self.screen, HomeScreen)
                else f" – {first_key('app.home', self.keys_by_id)} goes home"
            )
            self.notify(f"{message.title}: {message.text}{there}", markup=False)
        for header in self.screen.query(RunHeader):
            header.bring_up_to_date()

    async def _notify_desktop(self, title: str, text: str) -> None:
        # asked each time: another terminal may have been attached to tmux meanwhile
        in_tmux = await look_at_tmux(os.environ)
        if sequence := notice_sequence(title, text, os.environ, in_tmux=in_tmux):
            self.write_to_terminal(sequence)

    def write_to_terminal(self, sequence: str) -> None:
        """Send a control sequence to the terminal, if there is one."""
        if self._driver is not None and not self.is_headless and not self.is_web:
            self._driver.write(sequence)
