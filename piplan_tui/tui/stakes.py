"""What is at stake when something is stopped: said before the user decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from piplan_tui.run.retrying import downstream
from piplan_tui.run.state import IN_PROGRESS, SATISFIED, TERMINAL, RunState, StepState
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.formatting import counted, format_duration, format_money, format_size, format_tokens
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.step_row import unmet_dependencies


def _spent(step: StepState, now: datetime) -> str:
    attempt = step.attempt
    if attempt is None or attempt.ended_at is not None:
        return ""
    parts = [format_duration(attempt.elapsed_seconds(now))]
    if attempt.usage is not None and attempt.usage.tokens is not None:
        parts.append(f"{format_tokens(attempt.usage.tokens)} tokens")
    if attempt.usage is not None and attempt.usage.cost_usd is not None:
        parts.append(format_money(attempt.usage.cost_usd))
    return ", ".join(parts)


def lost_with_step(state: RunState, step: StepState, now: datetime) -> list[Span]:
    """What stopping one step costs."""
    spent = _spent(step, now)
    if spent:
        spans = [Span("A stop loses "), Span(f"this try of {one_line(step.id)} ({spent}).", "strong")]
    else:
        spans = [Span(f"{one_line(step.id)} has not started, so no work is lost.")]
    if step.asks:
        spans.append(Span(" Its open question is withdrawn."))
    blocked = _waiting_behind(state, step)
    if blocked:
        steps = "step needs" if blocked == 1 else "steps need"
        spans.append(Span(f"\n{blocked:,} {steps} it and cannot run without it, unless you skip it."))
    spans.append(Span("\nThe rest of the run goes on. {run.retry} tries the step again.", "dim"))
    return spans


def without_step(state: RunState, step: StepState) -> list[Span]:
    """What happens when the run goes on without a step."""
    name = one_line(step.id)
    if state.workflow is not None:
        again = "The script runs again, and gets" if state.ended else "The script goes on, and gets"
        spans = [Span(f"{again} no answer of "), Span(name, "strong"), Span(".")]
    else:
        spans = [Span(f"{name} is not done, and leaves no files.")]
        waits = ("pending", "blocked")
        after = [later for later in state.dependents[step.index] if later.status in waits]
        at_once = [later for later in after if unmet_dependencies(state, later) == [step.id]]
        later_on = [later for later in after if later not in at_once]
        held = " when the run goes on" if state.status in ("paused", "interrupted") else " at once"
        if at_once:
            starts = "Starts" if len(at_once) == 1 else "Start"
            spans += [Span(f"\n{starts} without its files{held}: "), Span(_names(at_once), "strong")]
        if later_on:
            spans.append(Span(f"\nLater without its files, after others: {_names(later_on)}"))
        if not after:
            spans.append(Span(" No step waits for them."))
    if step.asks:
        spans.append(Span("\nIts open question is withdrawn.", "attention"))
    spans.append(Span("\n{run.retry} still tries it later.", "dim"))
    return spans


def _waiting_behind(state: RunState, step: StepState) -> int:
    seen: set[int] = set()
    ahead = [step]
    while ahead:
        for after in state.dependents[ahead.pop().index]:
            if after.index not in seen and after.status not in TERMINAL:
                seen.add(after.index)
                ahead.append(after)
    return len(seen)


def lost_with_run(state: RunState, now: datetime) -> list[Span]:
    """What stopping the whole run costs."""
    running = [step for step in state.order if step.status in IN_PROGRESS]
    spans: list[Span] = []
    for step in running[:4]:
        spent = _spent(step, now)
        spans += [Span("A stop loses " if not spans else "             "), Span(one_line(step.id), "strong")]
        spans.append(Span(f" ({spent})\n" if spent else "\n"))
    if len(running) > 4:
        spans.append(Span(f"             and {len(running) - 4:,} more that run or wait for you\n"))
    if not running:
        spans.append(Span("No step is running, so no work is lost.\n"))
    spans.append(
        Span(
            f"Kept are {state.done:,} of {len(state.order):,} steps; {{run.retry}} takes the run up again.",
            "dim",
        )
    )
    return spans


def start_spans(state: RunState) -> list[Span]:
    """What a workflow is going to do, as far as that can be known before it runs."""
    spans: list[Span] = []
    for title, phase in state.phases.items():
        detail = f"  {one_line(phase.detail)}" if phase.detail else ""
        spans += [Span(f"{one_line(title)}"), Span(f"{detail}\n", "dim")]
    agent = " ".join(filter(None, (state.agent, state.model)))
    limits = f"up to {state.max_concurrency} agents at a time · agent {one_line(agent)}"
    if state.budget_usd is not None:
        limits += f" · budget {format_money(state.budget_usd)}"
    if state.budget_tokens is not None:
        limits += f" · budget {format_tokens(state.budget_tokens)} tokens"
    spans.append(Span(f"{limits}\nin {one_line(state.workspace)}", "dim"))
    return spans


def deleted_with_run(info: RunInfo, size: int | None) -> list[Span]:
    """What goes away with a run, and what does not. `size` is in bytes, if it is on disk."""
    on_disk = f" ({format_size(size)})" if size is not None else ""
    steps = counted(info.steps, "step")
    spans = [
        Span(one_line(info.title) or one_line(info.plan_id), "strong"),
        Span(f"\nDeletes its copy of the plan, its events, and what its agents said in {steps}{on_disk}."),
    ]
    if info.open_asks:
        spans.append(Span(" Its open questions go too.", "attention"))
    kept = one_line(info.workspace) or "its workspace"
    spans.append(Span(f"\nKeeps the plan file, and all that the steps made in {kept}.", "dim"))
    spans.append(Span("\nThere is no way back.", "attention"))
    return spans


def _names(steps: Sequence[StepState]) -> str:
    shown = ", ".join(one_line(step.id) for step in steps[:4])
    return f"{shown} and {len(steps) - 4:,} more" if len(steps) > 4 else shown


def again_after(state: RunState, step: StepState) -> list[StepState]:
    """The steps after this one that have run, and keep their results unless they are tried again too."""
    return [after for after in downstream(state, [step]) if after.status in TERMINAL and after.attempts]


def again_with_downstream(state: RunState, step: StepState) -> str:
    """Which steps run again besides, as the effect of a choice."""
    return f"also {_names(again_after(state, step))}"


def retry_spans(state: RunState, step: StepState) -> list[Span]:
    """What a retry of one step runs again, what it lets start, and what it uses as it is."""
    spans = [
        Span("Runs again: "),
        Span(one_line(step.id), "strong"),
        Span(f" (attempt {len(step.attempts) + 1})"),
    ]
    waiting = [after for after in downstream(state, [step]) if after.status == "blocked"]
    if waiting:
        spans.append(Span(f"\nMay start after it: {_names(waiting)}"))
    needed = [state.steps[name] for name in step.depends_on if state.steps[name].status in SATISFIED]
    if needed:
        spans.append(Span(f"\nReads as before: {_names(needed)}"))
    kept = again_after(state, step)
    if kept:
        spans.append(Span(f"\nKeeps what was made of its old result: {_names(kept)}", "attention"))
    others = state.done - (1 if step.status in SATISFIED else 0)
    spans.append(Span(f"\n{_done_steps(others)} kept as they are.", "dim"))
    return spans


def broken_steps(steps: Iterable[StepState]) -> list[StepState]:
    """Those of them that failed or were stopped: what a retry of more than one step runs again."""
    return [step for step in steps if step.status in ("failed", "cancelled")]


def retry_all_spans(state: RunState, again: Sequence[StepState]) -> list[Span]:
    """The same for several steps that failed or were stopped; none of them stands for the script of a workflow."""
    spans = [Span("Runs again: "), Span(_names(again) or "the script of the workflow", "strong")]
    waiting = [step for step in downstream(state, again) if step.status == "blocked"]
    if waiting:
        spans.append(Span(f"\nMay start after that: {_names(waiting)}"))
    spans.append(Span(f"\n{_done_steps(state.done)} kept as they are.", "dim"))
    return spans


def _done_steps(count: int) -> str:
    return "The result of 1 step is" if count == 1 else f"The results of {count:,} steps are"
