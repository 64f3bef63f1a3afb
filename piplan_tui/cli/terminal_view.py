"""Shows the terminal view, and afterwards, on the normal screen, where the run stands. Imports Textual."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import anyio

from piplan_tui.cli.ask_command import Heard, ask_commands
from piplan_tui.cli.context import Context, now
from piplan_tui.cli.demo import demo_options
from piplan_tui.cli.dispatch import CANCELLED, COMPLETED, FAILED
from piplan_tui.cli.driving import ending_lines, exit_code
from piplan_tui.cli.output import say
from piplan_tui.cli.owner import detach
from piplan_tui.cli.parser import UsageError
from piplan_tui.cli.runtime import make_runtime, run_options
from piplan_tui.cli.workflows import create_workflow_run
from piplan_tui.config.screen_tables import keys_of, notify_of
from piplan_tui.run.control_watch import serve_control
from piplan_tui.run.events import RuntimeEvent
from piplan_tui.run.options import RunChanges, RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.app import PiplanApp, run_tui
from piplan_tui.tui.beginnings import Beginnings, CannotBegin
from piplan_tui.tui.charset import shows_unicode
from piplan_tui.tui.leaving import TuiResult
from piplan_tui.tui.notices import Notices
from piplan_tui.tui.theme_memory import ThemeMemory
from piplan_tui.views.next_commands import next_commands
from piplan_tui.views.summary import result_line
from piplan_tui.workflow.load import is_workflow

Show = Callable[..., Awaitable[TuiResult]]
"""Shows a `PiplanApp`: with these arguments, and with all that is the same whatever is shown."""


async def show_plan(context: Context, options: RunOptions, *, plan_path: Path | None) -> int:
    """Open a plan or a workflow before it starts; without one, what there is to choose from."""
    async with _terminal_view(context) as (runtime, show):
        run = None
        if plan_path is not None and is_workflow(plan_path):
            run = await create_workflow_run(runtime, context, str(plan_path), options)
        result = await show(
            plan_path=plan_path if run is None else None,
            run=run,
            options=options,
            auto_start=bool(context.given("yes")),
        )
    # a plan that was looked at and not started was declined: what a script does next must not be done
    return await _after(context, result, nothing_ran=COMPLETED if plan_path is None else CANCELLED)


async def show_run(
    context: Context,
    run_id: str,
    changes: RunChanges,
    before: Callable[[Run], Awaitable[None]] | None,
) -> int:
    """Take over a stored run, do `before`, and go on with it."""
    async with _terminal_view(context) as (runtime, show):
        run = await runtime.open_run(run_id, changes=changes)
        if before is not None:
            await before(run)
        await run.start()  # what keeps it from starting is told before the screen is taken
        result = await show(
            run=run,
            options=run_options(context, run.state.source),
        )
    return await _after(context, result, nothing_ran=COMPLETED)


async def show_elsewhere(context: Context, run_id: str) -> int:
    """Show a run that another process owns, or that has ended; leaving changes nothing about it."""
    run = await StoredRun.open(context.store, run_id, now)
    async with _terminal_view(context) as (_, show):
        result = await show(
            watched=run,
            options=run_options(context, run.state.source),
        )
    if result.run is not None or result.ending == "crashed":
        return await _after(context, result, nothing_ran=COMPLETED)
    if run.owner is not None and not run.state.ended:
        say(f"run {run_id} goes on in process {run.owner.pid}: piplan-tui attach {run_id}")
        return COMPLETED
    say(ending_lines(run.state, now(), log_path=context.log_path(run_id), ascii_only=context.settings.ascii))
    return exit_code(run.state)


def _beginnings(context: Context, runtime: PlanRuntime, notices: Notices) -> Beginnings:
    def demo() -> tuple[Path, RunOptions]:
        with _told_on_the_screen():
            return demo_options(context)

    async def workflow(path: Path) -> Run:
        with _told_on_the_screen():
            options = run_options(context, str(path))
            return await create_workflow_run(runtime, context, str(path), options, notices)

    return Beginnings(demo, workflow)


@contextmanager
def _told_on_the_screen() -> Iterator[None]:
    try:
        yield
    except UsageError as error:
        raise CannotBegin(str(error)) from None


@asynccontextmanager
async def _terminal_view(context: Context) -> AsyncIterator[tuple[PlanRuntime, Show]]:
    """A runtime whose runs can be steered from other processes, whichever screen began them, and what shows it."""
    served: set[str] = set()
    settings, files = context.settings, context.files
    notify = notify_of(settings.notify)
    notices = Notices()
    async with ask_commands(notify, notices) as tell_command, anyio.create_task_group() as tasks:

        def heard(event: RuntimeEvent) -> None:
            if event.run_id not in served:
                served.add(event.run_id)
                tasks.start_soon(_serve, runtime, event.run_id, context.run_dir(event.run_id), tell_command)

        runtime = make_runtime(context, heard)
        async with runtime:
            app_for = partial(
                PiplanApp,
                runtime,
                can_keep_running=files is not None,
                ascii_only=settings.ascii or not shows_unicode(os.environ),
                plain_list=settings.plain_list,
                markdown=settings.markdown,
                theme=settings.theme,
                theme_memory=ThemeMemory(files.root) if files is not None else None,
                keys_by_id=keys_of(settings.keys),
                notify=notify,
                beginnings=_beginnings(context, runtime, notices),
            )
            yield runtime, lambda **shown: run_tui(app_for(**shown), notices)
        tasks.cancel_scope.cancel()
    say(f"piplan-tui: {problem}" for problem in notices.kept)


async def _serve(runtime: PlanRuntime, run_id: str, run_dir: Path | None, tell_command: Heard) -> None:
    run = await runtime.open_run(run_id)
    run.subscribe(partial(_hear, run, tell_command))
    if run_dir is not None:
        await serve_control(run, run_dir)


def _hear(run: Run, tell_command: Heard, event: RuntimeEvent) -> None:
    tell_command(run.state, event)


async def _after(context: Context, result: TuiResult, *, nothing_ran: int) -> int:
    if result.run is None:
        return FAILED if result.ending == "crashed" else nothing_ran
    state = result.run.state
    kept = result.ending == "kept"
    for run in result.others:
        if kept and not run.state.ended:
            await detach(context, run.state.run_id)
        else:
            say([result_line(run.state, now()), *(f"    {said}" for said in next_commands(run.state)[:1])])
    if kept and not state.ended:
        return await detach(context, state.run_id)
    say(
        ending_lines(state, now(), log_path=context.log_path(state.run_id), ascii_only=context.settings.ascii)
    )
    return FAILED if result.ending == "crashed" else exit_code(state)
