"""Where to begin: plans in this folder and recent runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import anyio
from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from piplan_tui.plan.find import FoundPlan, find_plans
from piplan_tui.resources import examples_dir
from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import RunInfo, StoreError
from piplan_tui.tui.actions import Where, bindings_for
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.views.formatting import RUN_WORDS, format_money, short_duration
from piplan_tui.views.line import Role, Span, one_line

MAX_RUNS = 200


class HomeScreen(ActionScreen):
    """One list: what needs the user first, then plans, then the other runs by age."""

    PLACES: ClassVar[tuple[Where, ...]] = ("home", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("home", "app")

    @dataclass
    class PlanChosen(Message):
        path: Path

    @dataclass
    class RunChosen(Message):
        run: Run | StoredRun

    def __init__(
        self,
        runtime: PlanRuntime,
        options: RunOptions | None,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__()
        self._now = now
        self._runtime = runtime
        self._options = options or runtime.options
        self._folder = self._options.workspace if self._options else Path.cwd()
        self._runs: list[RunInfo] = []
        self._live: set[str] = set()
        self._plans: list[FoundPlan] = []
        self._read = False

    def compose(self) -> ComposeResult:
        yield Static(id="home-title", markup=False)
        yield OptionList(markup=False, id="home-list")
        yield KeyBar()

    async def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        self.update_key_bar()
        await self.do_refresh()

    async def on_screen_resume(self) -> None:
        if self._read:
            await self.do_refresh()

    def on_resize(self) -> None:
        if self._read:
            self._show()

    async def do_refresh(self) -> None:
        """Read runs and plans again."""
        try:
            self._runs = (await self._runtime.store.list_runs())[:MAX_RUNS]
            self._live = {
                info.run_id
                for info in self._runs
                if info.status in ("running", "waiting_user", "paused")
                and await self._runtime.store.owner(info.run_id) is not None
            }
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)
        self._plans = await anyio.to_thread.run_sync(find_plans, self._folder)
        self._read = True
        self._show()

    # -- drawing -----------------------------------------------------------------------------------

    def _show(self) -> None:
        options = self.query_one(OptionList)
        highlighted = options.highlighted
        chosen = options.get_option_at_index(highlighted).id if highlighted is not None else None
        width = max(30, options.size.width - 4)
        lines: list[Option] = []
        if self._plans:
            lines.append(_heading(self._plans_heading))
            lines += [Option(self._plan_line(plan, width), id=f"plan:{plan.path}") for plan in self._plans]
        if self._runs:
            lines.append(_heading("Runs", gap=bool(lines)))
            lines += [
                Option(self._run_line(info, width), id=f"run:{info.run_id}") for info in self._sorted_runs()
            ]
        if not self._plans and not self._runs:
            examples = find_plans(examples_dir(), 5)
            lines.append(
                _heading("Nothing here yet. A plan is a JSON file with steps; these come with piplan-tui:")
            )
            lines += [Option(self._plan_line(plan, width), id=f"plan:{plan.path}") for plan in examples]
        options.clear_options()
        options.add_options(lines)
        usable = [index for index, option in enumerate(lines) if not option.disabled]
        kept = (index for index in usable if lines[index].id == chosen)
        options.highlighted = next(kept, usable[0] if usable else None)
        needs = sum(1 for info in self._runs if info.open_asks)
        spans = [Span(" piplan", "strong"), Span("  run plans of agent steps, live", "dim")]
        if needs:
            said = "1 run needs you" if needs == 1 else f"{needs} runs need you"
            spans.append(Span(f"   ? {said}", "attention"))
        self.query_one("#home-title", Static).update(to_content(spans))

    @property
    def _plans_heading(self) -> str:
        here = self._folder.absolute() == Path.cwd()
        return "Plans here" if here else f"Plans in {one_line(str(self._folder))}"

    def _sorted_runs(self) -> Sequence[RunInfo]:
        return sorted(self._runs, key=lambda info: info.open_asks == 0)

    def _plan_line(self, plan: FoundPlan, width: int) -> Content:
        try:
            name = str(plan.path.relative_to(self._folder))
        except ValueError:
            name = plan.path.name
        return _columns(
            width,
            [(one_line(name), "plain", 0)],
            [
                (one_line(plan.title), "dim", min(44, width // 2)),
                (f"{plan.steps:,} step{'s' if plan.steps != 1 else ''}", "dim", 12),
            ],
        )

    def _run_line(self, info: RunInfo, width: int) -> Content:
        word, role = self._state(info)
        done = sum(info.counts.get(status, 0) for status in ("completed", "reused", "skipped"))
        failed = info.counts.get("failed", 0)
        age = short_duration((self._now() - info.updated_at).total_seconds())
        money = format_money(info.cost_usd) if info.cost_usd is not None else ""
        right: list[tuple[str, Role, int]] = [
            (f"? {info.open_asks} to answer" if info.open_asks else word.lower(), role, 14),
            (f"{done}/{info.steps}", "plain", 9),
            (f"✗{failed}" if failed else "", "failed", 4),
            (money, "dim", 8),
            (f"{age} ago", "dim", 9),
        ]
        if width < 70:
            right = [right[0], right[1], right[4]]
        return _columns(width, [(info.run_id[:10], "dim", 11), (one_line(info.title), "plain", 0)], right)

    def _state(self, info: RunInfo) -> tuple[str, Role]:
        status = info.status
        if status == "running" and info.run_id not in self._live:
            status = "interrupted"
        word = RUN_WORDS.get(status, status)  # type: ignore[call-overload]  # a newer version may have more states
        if info.open_asks or status in ("waiting_user", "interrupted"):
            return word, "attention"
        return word, "failed" if status == "failed" else "running" if status == "running" else "dim"

    # -- opening -----------------------------------------------------------------------------------

    def action_select(self) -> None:
        self.query_one(OptionList).action_select()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        kind, _, name = (event.option_id or "").partition(":")
        if kind == "plan":
            self.post_message(self.PlanChosen(Path(name)))
        elif kind == "run":
            await self._open_run(name)

    async def _open_run(self, run_id: str) -> None:
        try:
            run = await StoredRun.open(self._runtime.store, run_id, self._now)
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.post_message(self.RunChosen(run))


def _heading(text: str, *, gap: bool = False) -> Option:
    return Option(to_content([Span("\n" if gap else ""), Span(text, "strong")]), disabled=True)


def _columns(
    width: int, left: Sequence[tuple[str, Role, int]], right: Sequence[tuple[str, Role, int]]
) -> Content:
    """Cells with fixed widths; the one of width 0 takes what is left."""
    room = width - sum(size for _, _, size in [*left, *right])
    spans = [Span(_cell(text, size or room), role) for text, role, size in left]
    spans += [Span(" " + _cell(text, size - 1), role) for text, role, size in right]
    return to_content(spans)


def _cell(text: str, size: int) -> str:
    if cell_len(text) <= size:
        return text + " " * (size - cell_len(text))
    return set_cell_size(text, max(0, size - 1)) + "…"
