"""The line of a run in the list of runs, taken from its state."""

from __future__ import annotations

from datetime import datetime

from piplan_tui.run.state import RunState
from piplan_tui.store.protocol import RunInfo


def run_info(state: RunState, now: datetime) -> RunInfo:
    return RunInfo(
        run_id=state.run_id,
        plan_id=state.plan_id,
        title=state.title,
        status=state.status,
        created_at=state.created_at,
        updated_at=state.at,
        source=state.source,
        workspace=state.workspace,
        agent=state.agent,
        model=state.model,
        steps=len(state.order),
        counts={status: count for status, count in state.counts.items() if count},
        open_asks=len(state.asks),
        tokens=state.usage.tokens,
        cost_usd=state.usage.cost_usd,
        elapsed_seconds=state.elapsed_seconds(now),
    )
