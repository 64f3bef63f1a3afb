"""Commands that run steps: `run`, `demo`, `resume`, `retry`, and a plan without a command."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.clean import clean_text, printable
from piplan_tui.cli.before_start import require_can_start
from piplan_tui.cli.check import read_plan
from piplan_tui.cli.context import Context, in_terminal, make_context
from piplan_tui.cli.demo import AGENT as DEMO_AGENT
from piplan_tui.cli.demo import demo_options
from piplan_tui.cli.dispatch import COMPLETED
from piplan_tui.cli.driving import Drive, exit_code
from piplan_tui.cli.live import act_on
from piplan_tui.cli.output import say
from piplan_tui.cli.owner import detach, require_files
from piplan_tui.cli.parser import UsageError
from piplan_tui.cli.runtime import make_runtime, run_changes, run_options
from piplan_tui.cli.usage import did_you_mean
from piplan_tui.cli.workflows import create_workflow_run
from piplan_tui.config.screen_tables import notify_of
from piplan_tui.config.settings import OnAsk
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.before_start import planned, scripted
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.control import ResumeRequest, RetryRequest
from piplan_tui.views.next_commands import rerun_command
from piplan_tui.workflow.load import is_workflow


async def open_plan(args: argparse.Namespace) -> int:
    """`piplan-tui [PLAN]`: the terminal view, or the same as `run` where there is no terminal."""
    context = make_context(args)
    if in_terminal() and context.given("ui") in (None, "tui"):
        from piplan_tui.cli.terminal_view import show_plan

        path = Path(args.plan) if args.plan is not None else None
        return await show_plan(context, run_options(context, _source(args.plan)), plan_path=path)
    if args.plan is None:
        raise UsageError(
            "Which plan? piplan-tui run plan.json, or piplan-tui demo. All commands: piplan-tui --help"
        )
    return await _run_plan(context, args.plan)


async def run(args: argparse.Namespace) -> int:
    """`run PLAN`: without the terminal view, unless `--ui tui` asks for it."""
    context = _detachable(args)
    if context.given("ui") == "tui":
        _require_terminal()
        from piplan_tui.cli.terminal_view import show_plan

        path = Path(args.plan)
        return await show_plan(context, run_options(context, _source(args.plan)), plan_path=path)
    return await _run_plan(context, args.plan)


async def demo(args: argparse.Namespace) -> int:
    """The bundled plan with the demo agent, in a folder of its own."""
    if not hasattr(args, "agent"):
        args.agent = DEMO_AGENT
    context = _detachable(args)
    plan, options = demo_options(context)
    if _wants_tui(context):
        from piplan_tui.cli.terminal_view import show_plan

        return await show_plan(context, options, plan_path=plan)
    # nobody has to be there for a demonstration; that its question was not answered by a person is printed
    on_ask: OnAsk = context.settings.on_ask if context.given("on_ask") else "defaults"
    return await _run_plan(context, str(plan), options=options, on_ask=on_ask)


async def resume(args: argparse.Namespace) -> int:
    """Go on with a run that was left, or whose process is gone."""
    context = _detachable(args)
    run_id = await context.find_run(args.run)
    state, owner = await context.look_at(run_id)
    if owner is not None:
        if state.status != "paused":
            raise UsageError(_already(run_id, state, owner.pid))
        done, _ = await act_on(context, run_id, ResumeRequest(), _refuse_takeover)
        say(clean_text(done))
        return COMPLETED
    if state.ended:
        hint = "" if state.status == "completed" else f" Try again: piplan-tui retry {run_id}"
        say(f"Run {run_id} is {_word(state)}; there is nothing to go on with.{hint}")
        return exit_code(state)
    return await _take_up(context, run_id)


async def retry(args: argparse.Namespace) -> int:
    """Try steps again: those named, or all that failed or were cancelled."""
    context = _detachable(args)
    run_id = await context.find_run(args.run)
    state, owner = await context.look_at(run_id)
    for step_id in args.steps:
        if step_id not in state.steps:
            near = did_you_mean(step_id, state.steps)
            raise UsageError(f"Run {run_id} has no step {printable(step_id)}.{near}")
    if args.goal is not None and len(args.steps) != 1:
        raise UsageError("--goal is for one step; name it: piplan-tui retry RUN STEP --goal TEXT.")
    own = args.steps != []
    agent, model = (context.given("agent"), context.given("model")) if own else (None, None)

    if state.workflow is not None and (changed := await _changed_script(state)):
        say(
            f"{changed} has changed since; the run tries again with the script as it was. With the changed one:"
        )
        say(f"    {rerun_command(state)}")

    async def do(run: Run) -> None:
        await run.retry(args.steps, goal=args.goal, agent=agent, model=model, with_downstream=args.downstream)

    if owner is not None:
        request = RetryRequest(
            step_ids=args.steps, goal=args.goal, agent=agent, model=model, with_downstream=args.downstream
        )
        done, _ = await act_on(context, run_id, request, _refuse_takeover)
        say(clean_text(done))
        return COMPLETED
    return await _take_up(context, run_id, do, for_steps=own)


async def _changed_script(state: RunState) -> str:
    """The script's file when it says something else than what the run was started with; otherwise nothing."""
    path = anyio.Path(state.source)
    if state.workflow is None or not state.source or not await path.is_file():
        return ""
    same = hashlib.sha256(await path.read_bytes()).hexdigest() == state.workflow.source_hash
    return "" if same else printable(path.name)


async def _refuse_takeover(run: Run) -> str:
    # the owner went away while it was being asked; going on here is the user's decision
    raise UsageError(f"The process that owned run {run.id} is gone: piplan-tui resume {run.id}")


# -- seeing it through -----------------------------------------------------------------------------


async def _run_plan(
    context: Context, name: str, *, options: RunOptions | None = None, on_ask: OnAsk | None = None
) -> int:
    options = options or run_options(context, _source(name))
    if is_workflow(Path(name)):
        async with make_runtime(context) as runtime:
            await require_can_start(runtime, scripted(options))
            run = await create_workflow_run(runtime, context, name, options)
            return await _see_through(context, run, on_ask)
    for option in ("reuse", "args"):
        if context.given(option) is not None:
            raise UsageError(f"--{option} is for workflows, and {printable(name)} is a plan.")
    loaded = await anyio.to_thread.run_sync(read_plan, name)
    if loaded.spec is None:
        raise PlanInvalid(loaded.problems)
    if loaded.problems:
        say(map(str, loaded.problems))
    from_stdin = name == "-"
    async with make_runtime(context) as runtime:
        await require_can_start(runtime, planned(loaded.spec, options, options.source))
        if not context.given("yes"):
            await _require_no_rival(runtime, loaded.spec, options)
        run = await runtime.create_run(
            loaded.spec,
            options=options,
            source=loaded.source,
            source_name="plan.json" if from_stdin else Path(name).name,
        )
        return await _see_through(context, run, on_ask)


async def _require_no_rival(runtime: PlanRuntime, plan: PlanSpec, options: RunOptions) -> None:
    rival = await runtime.going_on_beside(plan, options.workspace)
    if rival is not None:
        raise UsageError(
            f"Run {rival} of plan {printable(plan.id)} is going on in {options.workspace}, and both would write "
            f"the same handoff files; watch it with piplan-tui attach {rival}, give this one another --workspace, "
            "or start it all the same with --yes."
        )


async def _see_through(context: Context, run: Run, on_ask: OnAsk | None) -> int:
    if context.given("detach"):
        await run.leave()
        return await detach(context, run.id, context.given("on_ask") or on_ask)
    return await _drive(context, run, on_ask).see_through()


async def _take_up(
    context: Context,
    run_id: str,
    before: Callable[[Run], Awaitable[None]] | None = None,
    *,
    for_steps: bool = False,
) -> int:
    """Take over a stored run, do `before`, and see it through."""
    if context.given("yes"):
        before = partial(_agree_to_fan_outs, before)
    changes = run_changes(context, for_steps=for_steps)
    if _wants_tui(context):
        from piplan_tui.cli.terminal_view import show_run

        return await show_run(context, run_id, changes, before)
    async with make_runtime(context) as runtime:
        run = await runtime.open_run(run_id, changes=changes)
        if context.given("detach"):
            if before is not None:
                await before(run)
            return await _see_through(context, run, None)
        async with _drive(context, run) as drive:
            if before is not None:
                await before(run)
            return await drive.see_through()


async def _agree_to_fan_outs(before: Callable[[Run], Awaitable[None]] | None, run: Run) -> None:
    """`--yes`: large fan-outs begin, also the one that was asked about."""
    if before is not None:
        await before(run)
    for ask in [ask for ask in run.state.asks.values() if ask.kind == "fanOut"]:
        await run.answer(ask.id, {"decision": "go"}, surface="cli")


def _source(name: str | None) -> str:
    """The path of a plan as it is kept with the run; empty when it has none."""
    return "" if name in (None, "-") else str(Path(name or "").absolute())


def _drive(context: Context, run: Run, on_ask: OnAsk | None = None) -> Drive:
    settings = context.settings
    return Drive(
        run,
        ui=settings.ui,
        on_ask=on_ask or settings.on_ask,
        run_dir=context.run_dir(run.id),
        log_path=context.log_path(run.id),
        verbosity=context.given("verbose") or 0,
        ascii_only=settings.ascii,
        notify=notify_of(settings.notify),
    )


# -- the terminal view -----------------------------------------------------------------------------


def _detachable(args: argparse.Namespace) -> Context:
    context = make_context(args)
    if context.given("detach"):
        require_files(context)
        if context.given("ui") is not None:
            raise UsageError(
                "--detach shows nothing, so --ui has no meaning with it; piplan-tui attach watches."
            )
    return context


def _wants_tui(context: Context) -> bool:
    if context.given("detach"):
        return False
    if context.given("ui") == "tui":
        _require_terminal()
    return context.given("ui") in (None, "tui") and in_terminal()


def _require_terminal() -> None:
    if not in_terminal():
        raise UsageError("--ui tui needs a terminal on stdin and stdout.")


def _already(run_id: str, state: RunState, pid: int) -> str:
    look = f"piplan-tui attach {run_id}"
    if state.status != "waiting_user":
        return f"Run {run_id} is {_word(state)} already, in process {pid}. Watch it: {look}"
    step = next((printable(ask.step_id) for ask in state.asks.values() if ask.step_id), "")
    answer = f", or: piplan-tui answer {run_id} {step} key=value" if step else ""
    return f"Run {run_id} waits for your answer, in process {pid}. Answer it with: {look}{answer}"


def _word(state: RunState) -> str:
    return state.status.replace("_", " ")


COMMANDS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
    "open": open_plan,
    "run": run,
    "demo": demo,
    "resume": resume,
    "retry": retry,
}
