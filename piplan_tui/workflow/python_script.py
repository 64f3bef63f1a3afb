"""Runs a workflow that is written in Python.

The script runs inside this process, with all that this process may do: it is trusted code, as a test suite or a
build script is. Run only scripts that you would run with `python`. What it must not do for its own sake (call
the clock, roll dice) is said by `workflow.check`. Scripts that models write belong in JavaScript, which runs
in a sandbox.
"""

from __future__ import annotations

import inspect
import itertools
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

import anyio

from piplan_tui.workflow.calls_made import CallsMade, coroutine_in
from piplan_tui.workflow.host import ScriptFailed, ScriptMistake, WorkflowHost, WorkflowStop
from piplan_tui.workflow.primitives import Workflow, is_being_cancelled, leaf

_numbers = itertools.count(1)
_LONGEST = 500


async def run_python(source: bytes, *, file: str, host: WorkflowHost, clock: datetime, seed: str) -> Any:
    """Run the script's `main` to its end and give what it returned.

    `file` is what errors call it. `clock` and `seed` are the time and the chance that the script sees.

    Raises:
        ScriptFailed: it raised; says what and where.
        WorkflowStop: the run stopped it.
    """
    calls = CallsMade(file)
    with _module(file) as module:
        try:
            exec(compile(source, file, "exec"), module.__dict__)
            main = getattr(module, "main", None)
            if not inspect.iscoroutinefunction(main):
                raise ScriptMistake("a workflow needs `async def main(wf)`, and this script has none")
            return _whole(await main(Workflow(host, clock=clock, seed=seed, calls=calls)), calls, file, main)
        except (Exception, SystemExit) as error:
            cause = leaf(error)
            if isinstance(cause, WorkflowStop | ScriptFailed):
                raise cause from None
            raise ScriptFailed(_sentence(cause, file)) from error
        except anyio.get_cancelled_exc_class() as error:
            if is_being_cancelled():
                raise
            raise ScriptFailed(
                f"{_place(error, file)}: a task that the script waited for was cancelled"
            ) from error
        finally:
            calls.never_awaited()  # after an error they would only be complained about on stderr


def _whole(value: Any, calls: CallsMade, file: str, main: Callable[..., Any]) -> Any:
    """What `main` returned, unless a call was left without `await`.

    Raises:
        ScriptFailed: one was.
    """
    forgotten = calls.never_awaited()
    lost = coroutine_in(value)
    if lost is not None:
        name = getattr(lost, "__name__", "a function")
        lost.close()
        place = f"{file}:{main.__code__.co_firstlineno}"
        forgotten = forgotten or (
            f"{place}: what main returns has a call of {name}() in it that was never awaited; write await {name}(…)"
        )
    if forgotten:
        raise ScriptFailed(forgotten)
    return value


@contextmanager
def _module(file: str) -> Iterator[ModuleType]:
    # known to the import system while it runs: pydantic looks up the types that annotations name there
    module = ModuleType(f"piplan_workflow_{next(_numbers)}")
    module.__file__ = file
    sys.modules[module.__name__] = module
    try:
        yield module
    finally:
        del sys.modules[module.__name__]


def _sentence(error: BaseException, file: str) -> str:
    if isinstance(error, SyntaxError) and error.filename == file:
        return f"{file}:{error.lineno}: {error.msg}"
    if isinstance(error, SystemExit):
        return f"{_place(error, file)}: the script called exit(); return from main instead"
    text = " ".join(str(error).split())
    if not isinstance(error, ScriptMistake):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{_place(error, file)}: {text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}"


def _place(error: BaseException, file: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}:{lines[-1]}" if lines else file
