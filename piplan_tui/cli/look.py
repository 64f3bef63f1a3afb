"""Commands that only look: `runs`, `show`, `asks`, `agents`."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
import msgspec

from piplan_tui.clean import clean_text
from piplan_tui.cli.context import Context, make_context, now
from piplan_tui.cli.output import put, put_json, put_result, say
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import read_request
from piplan_tui.run.run_info import run_info
from piplan_tui.run.state import RunState
from piplan_tui.store.protocol import Owner, RunInfo, StoreError
from piplan_tui.views.ask_text import ask_lines
from piplan_tui.views.decisions import applies_to
from piplan_tui.views.formatting import counted
from piplan_tui.views.json_state import ask_document, state_document
from piplan_tui.views.lists import agents_table, runs_table, steps_table
from piplan_tui.views.questions import ask_order
from piplan_tui.views.run_result import result_text
from piplan_tui.views.summary import summary
from piplan_tui.views.terminal_json import dumps

LATEST = 20


async def runs(args: argparse.Namespace) -> int:
    """The latest runs, or all of them."""
    context = make_context(args)
    infos = await context.store.list_runs()
    shown = infos if context.given("all") else infos[:LATEST]
    owners = {info.run_id: await _owner(context, info) for info in shown}
    shown = [info if owners[info.run_id] else await _as_it_died(context, info) for info in shown]
    if context.given("json"):
        put_json(dumps({"version": 1, "runs": [_run_document(info, owners[info.run_id]) for info in shown]}))
        return 0
    if not infos:
        say("There are no runs yet. Start one: piplan-tui run plan.json, or piplan-tui demo")
        return 0
    put(runs_table(shown, {run_id: owner is not None for run_id, owner in owners.items()}, now()))
    if len(shown) < len(infos):
        say(f"{counted(len(infos) - len(shown), 'older run')}: piplan-tui runs --all")
    return 0


async def _owner(context: Context, info: RunInfo) -> Owner | None:
    try:
        return await context.store.owner(info.run_id)
    except StoreError:
        return None  # it was deleted since the list was read


async def _as_it_died(context: Context, info: RunInfo) -> RunInfo:
    """The line of a run that nobody owns. A process that was killed has not written its last one."""
    if info.status not in ("pending", "running"):
        return info
    try:
        state, _ = await context.look_at(info.run_id)
    except StoreError:
        return info
    return run_info(state, state.at)


def _run_document(info: RunInfo, owner: Owner | None) -> dict[str, Any]:
    return {
        "runId": info.run_id,
        "planId": info.plan_id,
        "title": info.title,
        "status": info.current_status(owned=owner is not None),
        "createdAt": info.created_at,
        "updatedAt": info.updated_at,
        "source": info.source,
        "workspace": info.workspace,
        "agent": info.agent,
        "model": info.model,
        "steps": info.steps,
        "counts": info.counts,
        "openAsks": info.open_asks,
        "tokens": info.tokens,
        "costUsd": info.cost_usd,
        "elapsedSeconds": info.elapsed_at(now(), owned=owner is not None),
        "owner": owner,
    }


async def show(args: argparse.Namespace) -> int:
    """Where one run stands."""
    context = make_context(args)
    run_id = await context.find_run(args.run)
    state, owner = await context.look_at(run_id)
    if context.given("result"):
        return _show_result(state)
    log_path = context.log_path(run_id)
    if context.given("json"):
        put_json(dumps(state_document(state, now(), owner=owner, log_path=log_path)))
        return 0
    ascii_only = context.settings.ascii
    lines = summary(
        state,
        _clock(state, owner),
        log_path=log_path,
        ascii_only=ascii_only,
        live=owner is not None,
        shown=True,
    )
    put([*lines, "", *steps_table(state, _clock(state, owner), ascii_only=ascii_only)])
    for ask in ask_order(state):
        put(["", *ask_lines(run_id, ask, read_request(ask.request), applies_to(state, ask))])
    return 0


def _show_result(state: RunState) -> int:
    """Print what the run gave, and nothing else."""
    if text := result_text(state):
        put_result(text)
        return 0
    if state.status == "completed":
        why = "returned nothing" if state.workflow is not None else "left no summary"
    else:
        why = f"has no result: it is {state.status.replace('_', ' ')}"
    say(f"piplan-tui: run {state.run_id} {why}")
    return 0 if state.status == "completed" else 1


def _clock(state: RunState, owner: Owner | None) -> Any:
    """What the durations of a run are counted to: nothing goes on in one that nobody owns."""
    return now() if owner is not None or state.status == "waiting_user" else state.at


async def asks(args: argparse.Namespace) -> int:
    """Open questions, of one run or of all."""
    context = make_context(args)
    if args.run is not None:
        run_ids = [await context.find_run(args.run)]
    else:
        run_ids = [info.run_id for info in await context.store.list_runs() if info.open_asks]
    found: list[tuple[RunState, AskState]] = []
    for run_id in run_ids:
        state, _ = await context.look_at(run_id)
        found += [(state, ask) for ask in ask_order(state)]
    if context.given("json"):
        put_json(dumps({"version": 1, "asks": [_ask_document(state, ask) for state, ask in found]}))
        return 0
    if not found:
        say("No question is open.")
        return 0
    for index, (state, ask) in enumerate(found):
        put([""] * (index > 0) + [f"run {state.run_id} · {clean_text(state.title, keep_newlines=False)}"])
        put(ask_lines(state.run_id, ask, read_request(ask.request), applies_to(state, ask)))
    return 0


def _ask_document(state: RunState, ask: AskState) -> dict[str, Any]:
    return {
        "runId": state.run_id,
        **ask_document(state, ask),
        "form": read_request(ask.request).to_json(),
    }


async def agents(args: argparse.Namespace) -> int:
    """Which agents are known, whether they are here, their versions."""
    from piplan_tui.agents.registry import known_agents
    from piplan_tui.cli.runtime import agent_settings

    context = make_context(args)
    found = await anyio.to_thread.run_sync(known_agents, agent_settings(context))
    if context.given("json"):
        put_json(dumps({"version": 1, "agents": msgspec.to_builtins(found)}))
        return 0
    put(agents_table([(a.name, a.installed, a.version, a.where, a.hint) for a in found]))
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {
    "runs": runs,
    "show": show,
    "asks": asks,
    "agents": agents,
}
