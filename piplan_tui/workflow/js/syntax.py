"""What the engine itself says about a script that it only compiles."""

from __future__ import annotations

import re

import quickjs  # type: ignore[import-untyped]  # the package has no type information

from piplan_tui.plan.problem import Problem
from piplan_tui.workflow.js.compile import FIRST_LINE, frame_start, is_module, wrapped
from piplan_tui.workflow.js.source import Source

_MEMORY = 128 << 20
_STACK = 512 << 10  # fits the stack of any thread that this may be called from
_SECONDS = 5.0
_PLACE = re.compile(r"<input>:(\d+):(\d+)")


def syntax_problem(source: Source, file: str) -> Problem | None:
    """The first syntax error, or `None`. Nothing of the script runs."""
    unread = source.first_error()
    strict = is_module(source)
    context = quickjs.Context()
    context.set_memory_limit(_MEMORY)
    context.set_max_stack_size(_STACK)
    context.set_time_limit(_SECONDS)
    try:
        context.eval(wrapped(source, strict))
    except quickjs.StackOverflow:
        return Problem(file, 0, 0, "the script is nested too deeply")
    except quickjs.JSException as error:
        said, _, _ = str(error).partition("\n")
        found = _PLACE.search(str(error))
        row = int(found[1]) - FIRST_LINE if found else 0
        column = int(found[2]) - 1 if found else 0
        if row == 0:
            column -= len(frame_start(strict)) - (FIRST_LINE - 1)
        line, column = source.place_at(max(row, 0), max(column, 0))
        last = source.text.count("\n") + 1
        if line > last:  # the engine missed something only behind the script's end
            line, column = last, source.line_length(last) + 1
            said = "SyntaxError: the script ends in the middle of something"
        return Problem(file, line, column, said.replace("SyntaxError:", "syntax error:"))
    if unread is not None:
        line, column = source.place(unread)
        return Problem(file, line, column, "syntax error: this is no JavaScript that can be checked")
    return None
