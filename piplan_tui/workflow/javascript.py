"""JavaScript workflow scripts: check them, see what they say about themselves, run them.

Understood are the scripts of Claude Code's `.claude/workflows/` and the script strings of pi-loom, unmodified: plain
JavaScript with `await` and `return` at its top, optionally after `export const meta = {…}`; and, beyond them, a
default export of a function that gets the primitives as its argument.

A script sees the primitives (`agent`, `parallel`, `pipeline`, `phase`, `log`, `args`, `budget`, `workflow`), what the
language has, and `console`, `URL`, `URLSearchParams`, `TextEncoder`, `TextDecoder`, `structuredClone`, `btoa`,
`atob`, `queueMicrotask` and `setTimeout`. No time passes inside a script: a timer fires, the soonest first, when
nothing else in the script can go on and no agent is running. There are no files, no network, no process, no clock and
no chance; built-in objects and the primitives cannot be changed.

A thunk of `parallel` or a stage of `pipeline` that throws gives `null` and a line in the log. Passed on instead are
the end of the run (out of budget, cancelled), mistakes in a call of a primitive, names that do not exist, and an
exhausted stack or memory.
"""

from __future__ import annotations

from typing import Any

import anyio.to_thread

from piplan_tui.plan.problem import PlanInvalid, Problem, errors
from piplan_tui.workflow.host import WorkflowHost
from piplan_tui.workflow.js.check import check_source
from piplan_tui.workflow.js.compile import CompiledScript, compile_script
from piplan_tui.workflow.js.failure import ScriptFailed
from piplan_tui.workflow.js.limits import JsLimits
from piplan_tui.workflow.js.meta import phase_titles, read_meta
from piplan_tui.workflow.js.session import Session
from piplan_tui.workflow.js.source import Source

__all__ = [
    "JsLimits",
    "ScriptFailed",
    "check_javascript",
    "javascript_meta",
    "run_javascript",
    "static_phases",
]


async def run_javascript(
    source: str, *, name: str, host: WorkflowHost, limits: JsLimits | None = None
) -> Any:
    """Run a script and give what it returns, as JSON (`undefined` is `None`).

    `name` is what messages call the script: its file as the user wrote it. Cancelling this call stops the script and
    every agent that it is waiting for. The loop is never kept: the script has a thread of its own.

    Raises:
        PlanInvalid: it has problems that can be seen before it runs; nothing ran.
        ScriptFailed: it threw, broke a limit, or can never end.
        WorkflowStop: the run ends, as the host says.
    """
    script = await anyio.to_thread.run_sync(_compiled, source, name)
    return await Session(script, name=name, host=host, limits=limits or JsLimits()).run()


def _compiled(source: str, name: str) -> CompiledScript:
    problems = errors(check_javascript(source, name))
    if problems:
        raise PlanInvalid(problems)
    return compile_script(Source(source))


def check_javascript(source: str, file: str) -> list[Problem]:
    """Every problem that can be seen before the script runs, in the order of its text. Nothing of it runs."""
    return check_source(source, file)


def javascript_meta(source: str, file: str = "") -> dict[str, Any]:
    """What `export const meta = {…}` says, read without running anything; empty without it.

    Raises:
        PlanInvalid: it is more than a literal, or not of the shape that a workflow needs.
    """
    return read_meta(Source(source), file)


def static_phases(source: str) -> list[str]:
    """The titles of phases that are known before the script runs, each once: those of `meta.phases`, then those that
    stand as string literals in `phase('…')` and in the options of `agent()`, in the order of the text. Empty for a
    script that cannot be read; a `meta` that cannot be read is passed over."""
    tree = Source(source)
    try:
        meta = read_meta(tree, "")
    except PlanInvalid:
        meta = {}
    return phase_titles(tree, meta)
