"""A plan before it runs: what will happen, with whom, within which limits. Follows the file as it is edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import anyio
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.plan.load import LoadedPlan, load_plan
from piplan_tui.plan.problem import PlanInvalid, Problem
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.before_start import Outlook, planned
from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.actions import Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.file_watch import changes_of
from piplan_tui.tui.plain_list import content_for
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import BOTTOM_SCREENS, ActionScreen
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.step_detail import goal_lines, title_line
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from piplan_tui.views.formatting import agent_label, counted, format_money, format_tokens
from piplan_tui.views.line import Role, Span, one_line

MAX_PROBLEMS = 200
CANNOT = "Cannot start yet: "
LOOK_AGAIN_SECONDS = 2.0
"""How often it is looked whether what keeps the run from starting is mended."""


class PlanScreen(ActionScreen):
    """`Started` comes once the run exists and has been started."""

    PLACES: ClassVar[tuple[Where, ...]] = ("tree", "plan", "app")
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"tree.open"})
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("plan", "app")

    @dataclass
    class Started(Message):
        run: Run

    def __init__(
        self, runtime: PlanRuntime, path: Path, options: RunOptions | None, *, auto_start: bool = False
    ) -> None:
        super().__init__()
        self._runtime = runtime
        self._path = path
        self._options = options or runtime.options or RunOptions(workspace=Path.cwd())
        self._auto_start = auto_start
        self._loaded: LoadedPlan | None = None
        self._starting = False
        self._loading = anyio.Lock()
        self._outlook = Outlook()

    def compose(self) -> ComposeResult:
        state = RunState(title=self._path.name)
        yield RunHeader(state, now=utc_now)
        with Horizontal(id="body"):
            yield RunTree(state, now=utc_now, enter_folds=False)
            with VerticalScroll(id="goal", can_focus=False):
                yield Static(id="goal-text", markup=False)
        with VerticalScroll(id="problems"):
            yield Static(id="problems-text", markup=False)
        yield KeyBar()

    async def on_mount(self) -> None:
        self.query_one(RunTree).focus()
        # before the file is read, so that no change of it in between goes unnoticed
        in_background(self, self._watch, group="watch")
        await self._load()
        if self._auto_start and (loaded := self._startable()) is not None and not await self._hindered():
            await self._start(*loaded)

    def on_resize(self) -> None:
        self.set_class(self.size.width >= 100, "-wide")

    # -- the file ----------------------------------------------------------------------------------

    async def _watch(self) -> None:
        async for _ in changes_of(self._path):
            if not self._starting:
                await self._load()

    async def _load(self) -> None:
        async with self._loading:
            await self._load_now()

    async def _load_now(self) -> None:
        loaded = await anyio.to_thread.run_sync(load_plan, self._path)
        self._loaded = loaded
        header = self.query_one(RunHeader)
        if loaded.spec is not None:
            state = planned(loaded.spec, self._options, str(self._path))
            header.state = state
            self.query_one(RunTree).show(state)
        self.set_class(loaded.spec is None, "-invalid")
        self._show_what_is_wrong()
        self._show_goal()
        in_background(self, self._look, group="look", exclusive=True)
        if loaded.spec is None:
            self.query_one("#problems").focus()
        elif self.focused is None or self.focused.id == "problems":
            self.query_one(RunTree).focus()

    async def _look(self) -> None:
        """Look for agents and folders that are not there, and again until they are."""
        while self._can_start:
            await self._look_now()
            if not self._outlook.obstacles:
                return
            await anyio.sleep(LOOK_AGAIN_SECONDS)

    async def _look_now(self) -> None:
        found = await self._runtime.outlook(self.query_one(RunTree).state)
        if found != self._outlook:
            self._outlook = found
            self._show_what_is_wrong()

    def _show_what_is_wrong(self) -> None:
        """In the list of problems and in the header: of the plan, and of what it needs here."""
        loaded = self._loaded
        if loaded is None:
            return
        self._show_problems(loaded.problems)
        facts = [Span(" · ".join(self._facts(loaded.spec)), "dim" if loaded.spec else "failed")]
        if loaded.spec is not None and not self._outlook.can_start:
            facts.insert(0, Span("cannot start yet · ", "failed"))
        header = self.query_one(RunHeader)
        header.facts = facts
        header.refresh()
        self.update_key_bar()

    def _obstacle_spans(self) -> list[Span]:
        warns = self._outlook.can_start
        sign, before = ("! ", "") if warns else ("✗ ", CANNOT)
        role: Role = "attention" if warns else "failed"
        spans = []
        for said in self._outlook.obstacles:
            spans.append(Span(sign, role))
            spans.append(Span(f"{before}{clean_text(said, keep_newlines=False)}.\n"))
        return spans

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        spans = self._obstacle_spans() if self._can_start else []
        for problem in problems[:MAX_PROBLEMS]:
            place = f"{problem.line}:{problem.column}" if problem.line else "-"
            role = "failed" if problem.severity == "error" else "attention"
            spans.append(Span(f"{place:>9}  ", "dim"))
            spans.append(
                Span("✗ " if role == "failed" else "! ", "failed" if role == "failed" else "attention")
            )
            spans.append(Span(f"{one_line(problem.message)}\n"))
        if len(problems) > MAX_PROBLEMS:
            spans.append(Span(f"… {len(problems) - MAX_PROBLEMS:,} more", "dim"))
        if self._loaded is not None and self._loaded.spec is None:
            count = len(problems)
            said = f"{one_line(self._path.name)} cannot run yet: {counted(count, 'problem')}."
            spans.insert(0, Span(f"{said} Save the file and it is read again.\n\n", "strong"))
        self.query_one("#problems-text", Static).update(content_for(self.app, spans).rstrip())
        self.set_class(bool(spans), "-problems")
        self.set_class(bool(self._outlook.obstacles), "-hindered")

    def _facts(self, spec: PlanSpec | None) -> list[str]:
        options = self._options
        if spec is None:
            return ["cannot run yet"]
        serial = options.mode == "serial" or spec.execution_mode == "serial"
        phases = len({step.phase for step in spec.steps if step.phase})
        steps = counted(len(spec.steps), "step")
        return [
            steps + (f" in {phases:,} phases" if phases > 1 else ""),
            "one at a time" if serial else f"up to {options.max_concurrency} at a time",
            f"agent {agent_label(options.agent, options.model)}",
            "budget " + " or ".join(self._budget()) if self._budget() else "no budget",
            f"in {one_line(_short(options.workspace))}",
        ]

    def _budget(self) -> list[str]:
        budget = []
        if self._options.budget_usd is not None:
            budget.append(format_money(self._options.budget_usd))
        if self._options.budget_tokens is not None:
            budget.append(f"{format_tokens(self._options.budget_tokens)} tokens")
        return budget

    # -- the step under the cursor -----------------------------------------------------------------

    def on_run_tree_moved(self) -> None:
        self._show_goal()

    def _show_goal(self) -> None:
        tree = self.query_one(RunTree)
        step = tree.selected_step
        spans: list[Span] = []
        if step is not None:
            spans = [*title_line(step), Span("\n\n"), *goal_lines(tree.state, step)]
        else:
            spans = [Span(one_line(tree.state.title), "strong")]
            if summary := tree.state.plan.get("summary"):
                spans.append(Span(f"\n\n{one_line(str(summary))}"))
            # the header has one line for these, which may be too short
            facts = self._facts(self._loaded.spec if self._loaded is not None else None)
            spans.append(Span(f"\n\n{' · '.join(facts)}", "dim"))
        self.query_one("#goal-text", Static).update(to_content(spans))
        self.query_one("#goal").scroll_home(animate=False)

    # -- starting ----------------------------------------------------------------------------------

    @property
    def _can_start(self) -> bool:
        return self._loaded is not None and self._loaded.spec is not None

    def action_context(self) -> ActionContext:
        return ActionContext(can_start=self._can_start)

    def bar_labels(self) -> dict[str, str]:
        return {} if self._outlook.can_start else {"plan.start": "look again"}

    async def on_run_tree_opened(self) -> None:
        await self.action_do("plan.start")

    def do_back(self) -> None:
        if len(self.app.screen_stack) > BOTTOM_SCREENS:
            self.dismiss()

    def _startable(self) -> tuple[LoadedPlan, PlanSpec] | None:
        """The plan as it is now, which from here on no change of its file touches; `None` when it cannot start."""
        loaded = self._loaded
        if self._starting or loaded is None or loaded.spec is None:
            return None
        self._starting = True
        return loaded, loaded.spec

    async def _hindered(self) -> bool:
        """Look once more whether it can start, which is over when it cannot."""
        known = self._outlook
        await self._look_now()
        if self._outlook.can_start:
            return False
        self._starting = False
        if self._outlook == known:  # otherwise what is new on the screen says it
            self.notify("Looked again: it still cannot start.", severity="warning", markup=False)
        await self._load()  # it may have been saved meanwhile
        return True

    async def do_start(self) -> None:
        if (found := self._startable()) is None:
            return
        loaded, spec = found
        if await self._hindered():
            return
        try:
            rival = await self._runtime.going_on_beside(spec, self._options.workspace)
        except StoreError as problem:
            self._not_started(problem)
            return
        if rival is None:
            await self._start(loaded, spec)
            return

        async def picked(pick: str | None) -> None:
            if pick == "start":
                await self._start(loaded, spec)
            else:
                self._starting = False
                await self._load()  # it may have been saved meanwhile

        said = (
            f"Run {one_line(rival)} of it is going on in {one_line(_short(self._options.workspace))}. Both would "
            "write the same handoff files, each over the other's. Another --workspace keeps them apart."
        )
        choices = [Choice("leave", "n", "Leave it"), Choice("start", "y", "Start all the same")]
        self.app.push_screen(ChoiceDialog("This plan runs already", [Span(said)], choices), picked)

    async def _start(self, loaded: LoadedPlan, spec: PlanSpec) -> None:
        try:
            run = await self._runtime.create_run(
                spec, options=self._options, source=loaded.source, source_name=self._path.name
            )
            await run.start()
        except (StoreError, PlanInvalid, ControlRefused) as problem:
            self._not_started(problem)
            return
        self.post_message(self.Started(run))

    def _not_started(self, problem: Exception) -> None:
        self._starting = False
        self.notify(str(problem), severity="error", markup=False)


def _short(path: Path) -> str:
    try:
        return f"~/{path.absolute().relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        return str(path)
