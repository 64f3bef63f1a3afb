"""The commands that only change what is looked at."""

from __future__ import annotations

from piplan_tui.tui.outline import FILTERS
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.log import LogScreen
from piplan_tui.tui.screens.result import ResultScreen
from piplan_tui.tui.screens.run_view import RunView
from piplan_tui.tui.screens.timeline import TimelineScreen
from piplan_tui.tui.widgets.column_headings import ColumnHeadings
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.views.line import one_line
from piplan_tui.views.next_commands import run_again
from piplan_tui.views.questions import ask_order
from piplan_tui.views.run_result import result_text

DETAIL_SAID = ("Rows without numbers", "Rows as they fit", "Rows with titles and all numbers")


class LookingAround(RunView):
    """Moves the cursor, and changes which rows there are."""

    def do_next_ask(self) -> None:
        self._go_to_ask(1)

    def do_previous_ask(self) -> None:
        self._go_to_ask(-1)

    def _go_to_ask(self, step: int) -> None:
        ids = list(dict.fromkeys(ask.step_id for ask in ask_order(self.state) if ask.step_id))
        if not ids:
            return
        here = ids.index(self.selected_id) if self.selected_id in ids else (-1 if step > 0 else 0)
        self.run_tree.select_step(ids[(here + step) % len(ids)])
        self.show_ask_of_row()

    def do_next_failure(self) -> None:
        order = self.state.order
        here = self.run_tree.selected_step
        start = here.index + 1 if here else 0
        for offset in range(len(order)):
            step = order[(start + offset) % len(order)]
            if step.status == "failed":
                self.run_tree.select_step(step.id)
                return

    def do_filter(self) -> None:
        now = self.run_tree.outline.filter
        self.run_tree.set_filter(FILTERS[(FILTERS.index(now) + 1) % len(FILTERS)])
        self.show_selected()

    def do_follow(self) -> None:
        if self.run_tree.follow:
            self.run_tree.follow = False
        else:
            self.run_tree.restore_follow()
        self.show_selected()

    def do_fold_finished(self) -> None:
        self.run_tree.set_fold_finished(not self.run_tree.outline.fold_finished)

    def do_more(self) -> None:
        self._set_detail(self.run_tree.detail + 1)

    def do_less(self) -> None:
        self._set_detail(self.run_tree.detail - 1)

    def _set_detail(self, wanted: int) -> None:
        self.run_tree.set_detail(max(0, min(wanted, len(DETAIL_SAID) - 1)))
        self.query_one(ColumnHeadings).bring_up_to_date()
        self.notify(DETAIL_SAID[self.run_tree.detail], markup=False)

    def do_search(self) -> None:
        if bars := self.query(SearchBar):
            bars.first().focus_field()
        else:
            self.mount(SearchBar(self.selected_id), before=self.query_one(KeyBar))

    def on_search_bar_typed(self, message: SearchBar.Typed) -> None:
        self.searched_for = message.text
        place, matches = self._go_to_match(message.origin, 1, include_origin=True)
        for bar in self.query(SearchBar):
            bar.say_found(place, matches)

    def on_search_bar_done(self, message: SearchBar.Done) -> None:
        if message.given_up and message.origin:
            self.run_tree.select_step(message.origin)
        self.run_tree.focus()
        self.update_key_bar()

    def do_next_match(self) -> None:
        self._go_on_to_match(1)

    def do_previous_match(self) -> None:
        self._go_on_to_match(-1)

    def _go_on_to_match(self, direction: int) -> None:
        if self._go_to_match(self.selected_id, direction) == (0, 0) and self.searched_for:
            self.notify(f"No step matches {one_line(self.searched_for)}", severity="warning", markup=False)

    def _go_to_match(self, origin: str, direction: int, *, include_origin: bool = False) -> tuple[int, int]:
        """Put the cursor on the next match, and say which of how many it is. O(steps)."""
        wanted = self.searched_for.casefold()
        order = self.state.order
        found = [step for step in order if wanted in step.id.casefold() or wanted in step.title.casefold()]
        if not wanted or not found:
            return 0, 0
        start = self.state.steps[origin].index if origin in self.state.steps else 0
        offset = 0 if include_origin else 1
        size = len(order)
        nearest = min(found, key=lambda step: (direction * (step.index - start) - offset) % size)
        self.run_tree.select_step(nearest.id)
        return found.index(nearest) + 1, len(found)

    def do_timeline(self) -> None:
        self.app.push_screen(
            TimelineScreen(
                lambda: self.state, now=lambda: self.run_handle.now(), open_step=self._open_from_timeline
            )
        )

    def _open_from_timeline(self, step_id: str) -> None:
        if self.run_tree.select_step(step_id):
            self.run_tree.action_open()

    def do_result(self) -> None:
        self.app.push_screen(ResultScreen(self.state))

    def do_log(self) -> None:
        if (step := self.run_tree.selected_step) is not None:
            self.app.push_screen(LogScreen(self.run_handle, step))

    def do_copy(self) -> None:
        step = self.run_tree.selected_step
        choices = [Choice(self.run_handle.id, "u", "Run id", one_line(self.run_handle.id))]
        if step is not None:
            choices.insert(0, Choice(step.id, "i", "Step id", one_line(step.id)))
            if step.handoff is not None:
                folder = f"{self.state.workspace}/{step.handoff.directory}"
                choices.append(
                    Choice(step.handoff.summary, "r", "Result", one_line(step.handoff.summary)[:40])
                )
                choices.append(Choice(folder, "p", "Folder of the result", one_line(step.handoff.directory)))
        if gave := result_text(self.state):
            choices.append(Choice(gave, "w", "What the run gave", one_line(gave)[:40]))
        if again := run_again(self.state):
            choices.append(Choice(again, "f", "Command for the mended script", one_line(again)[:40]))
        command = f"piplan-tui show {self.run_handle.id}"
        choices.append(Choice(command, "c", "Command", one_line(command)))
        self.app.push_screen(ChoiceDialog("Copy", (), choices), self._copy)

    def _copy(self, text: str | None) -> None:
        if text:
            self.app.copy_to_clipboard(text)
            self.notify(f"Copied {one_line(text)}", markup=False)
