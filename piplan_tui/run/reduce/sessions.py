"""What an attempt's session does and uses."""

from __future__ import annotations

from datetime import timedelta

from piplan_tui.run import events as ev
from piplan_tui.run.attempt_state import ProviderRetry, Tool
from piplan_tui.run.model import Usage
from piplan_tui.run.reduce.attempts import attempt_of
from piplan_tui.run.reduce.step_status import set_status
from piplan_tui.run.state import RunState


def session_started(state: RunState, e: ev.SessionStarted) -> None:
    if found := attempt_of(state, e):
        found[1].session = e.session
        found[1].model = e.session.model or found[1].model


def tool_started(state: RunState, e: ev.SessionToolStarted) -> None:
    if found := attempt_of(state, e):
        step, attempt = found
        attempt.tools += 1
        attempt.open_tools[e.call_id] = Tool(e.tool, e.target, e.at)
        state.tools += 1
        state.phases[step.phase].tools += 1
        for path in e.writes:
            attempt.writes[path] = None
            running = state.touched.setdefault(path, [])
            if step.id not in running:
                running.append(step.id)


def planned(state: RunState, e: ev.SessionPlanned) -> None:
    if found := attempt_of(state, e):
        found[1].plan = e.entries


def tool_ended(state: RunState, e: ev.SessionToolEnded) -> None:
    if found := attempt_of(state, e):
        found[1].open_tools.pop(e.call_id, None)


def session_usage(state: RunState, e: ev.SessionUsage) -> None:
    if found := attempt_of(state, e):
        step, attempt = found
        grown = e.usage if attempt.usage is None else _difference(e.usage, attempt.usage)
        attempt.usage = e.usage
        state.usage = state.usage.plus(grown)
        phase = state.phases[step.phase]
        phase.usage = phase.usage.plus(grown)


def _difference(new: Usage, old: Usage) -> Usage:
    def less(a: int | None, b: int | None) -> int | None:
        return a if a is None or b is None else a - b

    cost = new.cost_usd
    return Usage(
        input=less(new.input, old.input),
        output=less(new.output, old.output),
        cache_read=less(new.cache_read, old.cache_read),
        cache_write=less(new.cache_write, old.cache_write),
        cost_usd=cost if cost is None or old.cost_usd is None else cost - old.cost_usd,
    )


def session_retrying(state: RunState, e: ev.SessionRetrying) -> None:
    if found := attempt_of(state, e):
        step, attempt = found
        until = e.at + timedelta(seconds=e.delay_seconds)
        attempt.provider_retry = ProviderRetry(e.retry, e.max_retries, until, e.error)
        if step.status == "running":
            attempt.status = "retrying"
            set_status(state, step, "retrying")


def session_recovered(state: RunState, e: ev.SessionRecovered) -> None:
    if found := attempt_of(state, e):
        step, attempt = found
        attempt.provider_retry = None
        if step.status == "retrying":
            attempt.status = "running"
            set_status(state, step, "running")


def session_reprompted(state: RunState, e: ev.SessionReprompted) -> None:
    if found := attempt_of(state, e):
        found[1].reprompts = e.count
