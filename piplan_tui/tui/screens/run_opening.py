"""The commands that show more of a step: a quick look, and its files in the user's own programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio.to_thread

from piplan_tui.run.state import StepState
from piplan_tui.tui.actions import BY_ID
from piplan_tui.tui.background import in_background
from piplan_tui.tui.external_editor import EditorFailed
from piplan_tui.tui.file_reader import show_file
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.peek import PeekEnd, PeekScreen
from piplan_tui.tui.screens.run_view import RunView
from piplan_tui.views.line import as_sentence, one_line

_KEYS = "1234567890"


class Opening(RunView):
    """Looks into the selected step without changing anything."""

    def do_peek(self) -> None:
        if (step := self.run_tree.selected_step) is not None:
            self.app.push_screen(PeekScreen(self.run_handle, step, self._move), self._after_peek)

    async def _after_peek(self, end: PeekEnd | None) -> None:
        if end == "answer":
            await self.perform(BY_ID["run.answer"])
        elif end == "open":
            self.run_tree.action_open()

    def _move(self, rows: int) -> StepState | None:
        """To the next row that is another step."""
        tree, here = self.run_tree, self.run_tree.selected_step
        index = tree.cursor + rows
        while 0 <= index < len(tree.rows):
            row = tree.rows[index]
            if (step := row.step) is not None and not row.work and step is not here:
                tree.move_to(index)
                return step
            index += rows
        return None

    async def do_open_file(self) -> None:
        """Its result, its log and what else it left; with more than one file, ask which."""
        if (step := self.run_tree.selected_step) is None:
            return
        files = await anyio.to_thread.run_sync(self._files, step)
        if len(files) == 1:
            self._open_file(str(files[0][1]))
        elif files:
            choices = [
                Choice(str(path), _KEYS[index], label, one_line(path.name))
                for index, (label, path) in enumerate(files[: len(_KEYS)])
            ]
            title = f"Open which file of {one_line(step.id)}?"
            self.app.push_screen(ChoiceDialog(title, (), choices), self._open_file)
        else:
            self.notify(f"{one_line(step.id)} has left no file yet", severity="warning", markup=False)

    def _files(self, step: StepState) -> list[tuple[str, Path]]:
        """Files of the step that are inside the folders where they belong, with what they are."""
        found: list[tuple[str, Path]] = []
        workspace = Path(self.state.workspace)
        for file in step.handoff.files if step.handoff is not None else ():
            path = (workspace / file.path).resolve()
            if path.is_relative_to(workspace.resolve()):
                found.append(("Result" if file.name == "result.json" else "Handoff", path))
        logs = self.runtime.store.attempts_dir(self.run_handle.id)
        if logs is not None and step.attempt is not None:
            path = (logs / step.id / f"{step.attempt.number}.jsonl").resolve()
            if path.is_relative_to(logs.resolve()):
                found.append(("Log", path))
        return found

    def _open_file(self, path: str | None) -> None:
        if path:
            in_background(self, partial(self._show_file, Path(path)), group="open", exclusive=True)

    async def _show_file(self, path: Path) -> None:
        try:
            await show_file(self.app, path)
        except EditorFailed as failed:
            self.notify(as_sentence(str(failed)), severity="error", markup=False)
