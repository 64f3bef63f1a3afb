"""Makes a run of a workflow, and what drives it: from the script as it was read, or as it was stored."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import msgspec
from pydantic_core import to_jsonable_python

from piplan_tui.plan.names import folder_name_problem
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.nested import Script
from piplan_tui.run.plan_driver import MakeDriver, PlanDriver
from piplan_tui.run.reuse import Reuse
from piplan_tui.run.state import RunState
from piplan_tui.run.workflow_driver import WorkflowDriver
from piplan_tui.workflow.host import ScriptFailed, ScriptMistake, WorkflowHost
from piplan_tui.workflow.load import LANGUAGES, LoadedWorkflow, find_workflow, read_workflow
from piplan_tui.workflow.python_script import run_python

_MOST_AT_ONCE = 16


def default_workflow_concurrency() -> int:
    """How many agents of a workflow run at once: 16, fewer on small machines, 4 at least."""
    return min(_MOST_AT_ONCE, max(4, 2 * (os.cpu_count() or 1)))


def workflow_created(
    loaded: LoadedWorkflow, created: ev.RunCreated, args: Any, earlier: RunState | None
) -> ev.WorkflowCreated:
    """The second event of a workflow's run. `earlier` is the run whose results it takes over."""
    known = earlier.workflow if earlier is not None else None
    return ev.WorkflowCreated(
        seq=2,
        at=created.at,
        run_id=created.run_id,
        name=loaded.name,
        language=loaded.kind,
        description=loaded.description,
        phases=loaded.phases,
        args=args,
        source_name=loaded.source_name,
        source_hash=loaded.source_hash,
        clock=known.clock if known is not None else created.at,
        reuse_from=earlier.run_id if earlier is not None else "",
    )


def stored_workflow(state: RunState, source_name: str, source: bytes) -> LoadedWorkflow:
    """The script of a stored run. It was checked when the run was made."""
    assert state.workflow is not None
    known = state.workflow
    file = state.source or source_name
    folder = Path(state.source).absolute().parent if state.source else None
    loaded = read_workflow(source, file, known.language, folder=folder)
    return replace(loaded, name=known.name)


def workflow_driver(
    state: RunState, loaded: LoadedWorkflow, earlier: RunState | None, checks: dict[str, AnswerCheck]
) -> MakeDriver:
    """What makes the driver of this run. `checks` is where it leaves the checks of calls' answers."""

    async def find_script(name: str) -> LoadedWorkflow:
        if loaded.kind == "javascript":
            # what runs in the sandbox must not reach code that runs outside of it, nor files by their paths
            if (why := folder_name_problem(name)) is not None:
                raise ScriptMistake(f"{name[:60]!r} cannot be the name of a workflow: it {why}")
            suffixes = tuple(suffix for suffix, language in LANGUAGES.items() if language == "javascript")
        else:
            suffixes = tuple(LANGUAGES)
        workspace = Path(state.workspace)
        folders = [loaded.folder, workspace / ".claude" / "workflows", Path.home() / ".claude" / "workflows"]
        looked = [folder for folder in folders if folder is not None]
        return await anyio.to_thread.run_sync(find_workflow, name, looked, suffixes)

    driver: Callable[..., PlanDriver] = partial(
        WorkflowDriver,
        script=_script(loaded, state),
        find_script=find_script,
        make_script=partial(_script, state=state),
        reuse=Reuse(earlier, state),
        checks=checks,
    )
    return driver


def _script(loaded: LoadedWorkflow, state: RunState) -> Script:
    assert state.workflow is not None
    clock = state.workflow.clock

    async def run(host: WorkflowHost) -> Any:
        if loaded.kind == "javascript":
            return await _run_javascript(loaded, host)
        args = msgspec.json.encode(to_jsonable_python(host.args, fallback=str), order="sorted").decode()
        return await run_python(
            loaded.source, file=loaded.file, host=host, clock=clock, seed=f"{loaded.name}\n{args}"
        )

    return run


async def _run_javascript(loaded: LoadedWorkflow, host: WorkflowHost) -> Any:
    # imported here: the engine is a large library that Python workflows do without
    from piplan_tui.workflow import javascript

    try:
        return await javascript.run_javascript(loaded.source.decode(), name=loaded.file, host=host)
    except (javascript.ScriptFailed, PlanInvalid) as error:
        raise ScriptFailed(str(error)) from error
