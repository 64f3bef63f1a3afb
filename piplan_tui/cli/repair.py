"""`repair`: make a run whose events are damaged usable again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from piplan_tui.clean import clean_text
from piplan_tui.cli.context import make_context
from piplan_tui.cli.dispatch import CANCELLED
from piplan_tui.cli.output import say
from piplan_tui.cli.parser import UsageError
from piplan_tui.run.events import RuntimeEvent
from piplan_tui.run.reduce import fold
from piplan_tui.store.protocol import RunCorrupt
from piplan_tui.store.repair import Repair
from piplan_tui.views.formatting import counted


async def repair(args: argparse.Namespace) -> int:
    """Say what would be kept and dropped, ask, and do it. The damaged file stays beside the new one."""
    context = make_context(args)
    store = context.files
    if store is None:
        raise UsageError("Only runs that are kept in files can be repaired; leave out --store memory.")
    run_id = await context.find_run(args.run)
    readable: list[RuntimeEvent] = []
    problem = ""
    try:
        async for event in store.read(run_id):
            readable.append(event)  # noqa: PERF401 - what came before the damage counts
    except RunCorrupt as error:
        problem = str(error)
    plan = await store.repair_run(run_id, look_only=True)
    if not problem and not plan.dropped:
        say(f"run {run_id} is whole: {plan.kept} events; there is nothing to repair")
        return 0
    say(clean_text(problem or f"run {run_id} ends in a line that a crash has torn"))
    say(_preview(readable, plan))
    if not context.given("yes") and not _is_agreed(run_id):
        say("nothing was done")
        return CANCELLED
    done = await store.repair_run(run_id)
    copy = f"; the damaged file is {done.copy}" if done.copy else ""
    say([f"repaired: {counted(done.kept, 'event')} kept{copy}", f"to go on: piplan-tui resume {run_id}"])
    return 0


def _preview(readable: Sequence[RuntimeEvent], plan: Repair) -> list[str]:
    kept = f"{plan.kept} events"
    if readable:
        state = fold(readable)
        completed = state.counts.get("completed", 0)
        kept += f", up to {readable[-1].at:%Y-%m-%d %H:%M:%S} UTC"
        kept += f"; {completed:,} of {len(state.order):,} steps completed"
    lines = counted(plan.dropped, "line")
    return [f"    keeps   {kept}", f"    drops   {lines}, which stay in a copy of the file beside it"]


def _is_agreed(run_id: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(f"Nothing was done; to repair it: piplan-tui repair {run_id} --yes.")
    return input("Repair it? [y/N] ").strip().lower() in ("y", "yes")
