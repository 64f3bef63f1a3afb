"""What can be known before a run starts: whether its agents and folders are there.

The first step would find the same, too late. Nothing here starts a program or writes a file.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from piplan_tui.agents.protocol import Agent, AgentFailure, StartsProgram
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.handoff import HANDOFF_ROOT
from piplan_tui.run.options import RunOptions
from piplan_tui.run.reduce import fold
from piplan_tui.run.routing import Route, place_of, routes
from piplan_tui.run.state import RunState, StepState

LOOK_SECONDS = 5.0
"""How long a look may take; a disk that does not answer by then is left to the first step."""
_NAMED_STEPS = 3


class Outlook(msgspec.Struct, frozen=True):
    """`obstacles` are sentences, without their full stop, each with what helps. `can_start` says whether any step
    could begin."""

    obstacles: tuple[str, ...] = ()
    can_start: bool = True


def planned(spec: PlanSpec, options: RunOptions, source: str) -> RunState:
    """The state that a run of the plan would begin with."""
    created = _created(
        options,
        title=spec.title,
        plan_id=spec.id,
        source=source,
        mode="serial" if options.mode == "serial" else spec.execution_mode,
    )
    return fold([created, ev.PlanCreated(plan=spec.to_json())])


def scripted(options: RunOptions) -> RunState:
    """The same of a workflow, as far as it is known before its script is asked."""
    return fold([_created(options, title="", plan_id="", mode="parallel", kind="workflow")])


def _created(options: RunOptions, **fields: Any) -> ev.RunCreated:
    return ev.RunCreated(
        workspace=str(options.workspace.absolute()),
        max_concurrency=options.max_concurrency,
        agent=options.agent,
        model=options.model,
        budget_tokens=options.budget_tokens,
        budget_usd=options.budget_usd,
        settings=options.settings(),
        **fields,
    )


def outlook(state: RunState, agent_named: Callable[[str], Agent]) -> Outlook:
    """What keeps steps of a run from starting here. Blocks on the disk.

    Of a workflow, whose calls are not known yet, the run's own agent and workspace are looked at. `agent_named`
    raises `AgentFailure` for a name that no agent has.
    """
    look = _Look(agent_named)
    home = folder_problem(Path(state.workspace), "or name another with --workspace")
    if home:
        return Outlook((home,), can_start=False)
    if not state.order:
        own = look.program(state.agent, state.workspace)
        return Outlook((own,) if own else ())
    hindered: dict[str, list[StepState]] = {}
    for step in state.order:
        if why := look.step(state, step):
            hindered.setdefault(why, []).append(step)
    kept = {step.id for steps in hindered.values() for step in steps}
    if len(kept) == len(state.order):
        return Outlook(tuple(hindered), can_start=False)
    said = tuple(f"{_names(steps)} cannot start: {why}" for why, steps in hindered.items())
    return Outlook(said, can_start=any(step.id not in kept for step in state.order if not step.depends_on))


class _Look:
    """Looks at each agent and folder once, however many steps use it."""

    def __init__(self, agent_named: Callable[[str], Agent]) -> None:
        self._agent_named = agent_named
        self._programs: dict[tuple[str, str], str] = {}
        self._folders: dict[str, str] = {}

    def step(self, state: RunState, step: StepState) -> str:
        """Why a step could not start; empty when its folder and one of its agents are there."""
        workspace = place_of(state, step).workspace
        # what is wrong with the run's own folder is told of the run
        own = workspace == str(Path(state.workspace))
        return ("" if own else self.folder(workspace)) or self._any_program(routes(state, step), workspace)

    def _any_program(self, ways: tuple[Route, ...], workspace: str) -> str:
        problems = [self.program(way.agent, workspace) for way in ways]
        return problems[0] if all(problems) else ""

    def program(self, name: str, workspace: str) -> str:
        known = self._programs.get((name, workspace))
        if known is None:
            known = self._programs[name, workspace] = self._find(name, workspace)
        return known

    def _find(self, name: str, workspace: str) -> str:
        try:
            agent = self._agent_named(name)
            if isinstance(agent, StartsProgram):
                agent.require_program(Path(workspace))
        except AgentFailure as failure:
            return failure.message
        return ""

    def folder(self, workspace: str) -> str:
        known = self._folders.get(workspace)
        if known is None:
            known = self._folders[workspace] = folder_problem(
                Path(workspace), "or change the rule that names it"
            )
        return known


def folder_problem(workspace: Path, other: str) -> str:
    """Why steps could not leave their files in a workspace, and what helps; empty when they can. Blocks.

    `other` is the end of the sentence: how to take another folder.
    """
    if not os.path.isdir(workspace):
        make = f"make it with mkdir -p {shlex.quote(str(workspace))}"
        return f"the workspace {workspace} is not a folder; {make}, {other}"
    kept_in = (workspace / HANDOFF_ROOT, workspace / HANDOFF_ROOT.parent)
    place = next((path for path in kept_in if os.path.lexists(path)), workspace)
    if not os.path.isdir(place):
        return f"{place} is not a folder, so steps cannot leave their files there; move it away, {other}"
    if _read_only(place):
        return f"the workspace {workspace} is on a read-only file system; make it writable, {other}"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"you may not write to {place}, where steps leave their files; change its permissions, {other}"
    return ""


def _read_only(place: Path) -> bool:
    if not hasattr(os, "statvfs"):
        return False
    try:
        return bool(os.statvfs(place).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def _names(steps: list[StepState]) -> str:
    more = len(steps) - _NAMED_STEPS
    return ", ".join(step.id for step in steps[:_NAMED_STEPS]) + (f" and {more:,} more" if more > 0 else "")
