"""Commands that change a run and do not run it: `answer`, `cancel`."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from piplan_tui.clean import clean_text, printable
from piplan_tui.cli.context import Context, make_context
from piplan_tui.cli.live import act_on
from piplan_tui.cli.output import say
from piplan_tui.cli.parser import UsageError
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import InputRequest, PairError, check_answer, parse_pairs, read_request
from piplan_tui.run.asks.answer import CheckedAnswer
from piplan_tui.run.control_watch import cancelled
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.remote_control import tell_owner_secret
from piplan_tui.run.run import Run
from piplan_tui.run.state import RunState
from piplan_tui.store.control import AnswerRequest, CancelRequest, DeclineRequest
from piplan_tui.views.line import one_line
from piplan_tui.views.next_commands import resume_command


async def cancel(args: argparse.Namespace) -> int:
    """End a run, or one step of it."""
    context = make_context(args)
    run_id = await context.find_run(args.run)

    async def do(run: Run) -> str:
        if args.step:
            await run.cancel_step(args.step)
            return f"step {args.step} was cancelled; {_where_it_stands(run.state)}"
        result = await run.cancel()
        return cancelled(run_id, result) if result.cancelled else f"run {run_id} is already {result.status}"

    state, _ = await context.look_at(run_id)
    if not args.step and state.ended:
        say(f"piplan-tui: run {run_id} is already {state.status}")
        return 2
    done, _ = await act_on(context, run_id, CancelRequest(step_id=args.step or ""), do)
    say(clean_text(done))
    return 0


async def answer(args: argparse.Namespace) -> int:
    """Answer one open question."""
    context = make_context(args)
    run_id = await context.find_run(args.run)
    state, _ = await context.look_at(run_id)
    ask, words = _which_ask(state, args.words)
    if args.decline:
        if words or args.file or args.action:
            raise UsageError("--decline takes no values.")
        return await _decline(context, run_id, ask, args.note or "")
    request = read_request(ask.request)
    values = _values(request, words, args.file)
    secret = _add_secrets(request, values, args.action or "", from_stdin=args.file == "-")
    _refuse_bad(request, values, args.action or "", state.workspace)

    async def do(run: Run) -> str:
        await run.answer(ask.id, values, action_id=args.action or "", note=args.note or "", surface="cli")
        return f"the answer was taken; {_where_it_stands(run.state)}"

    wanted = AnswerRequest(ask_id=ask.id, values=values, action_id=args.action or "", note=args.note or "")
    if secret:
        done = await tell_owner_secret(context.store, context.run_dir(run_id), run_id, wanted)
    else:
        done, _ = await act_on(context, run_id, wanted, do)
    say(clean_text(done))
    return 0


async def _decline(context: Context, run_id: str, ask: AskState, note: str) -> int:
    async def do(run: Run) -> str:
        await run.answer(ask.id, action="decline", note=note, surface="cli")
        return f"the question was declined; {_where_it_stands(run.state)}"

    done, _ = await act_on(context, run_id, DeclineRequest(ask_id=ask.id, note=note), do)
    say(clean_text(done))
    return 0


def _where_it_stands(state: RunState) -> str:
    """What comes next in a run that no process owns."""
    if state.ended:
        return f"run {state.run_id} is {state.status}"
    return f"to go on: {resume_command(state)}"


def _which_ask(state: RunState, words: list[str]) -> tuple[AskState, list[str]]:
    """The question that is meant, by its step or its own id, and the words that are the answer.

    Raises:
        UsageError: none or several are meant.
    """
    run = state.run_id
    if not state.asks:
        raise UsageError(f"Run {run} asks nothing; it is {state.status.replace('_', ' ')}.")
    first = words[0] if words else None
    if first is not None and first in state.asks:
        return state.asks[first], words[1:]
    if first is not None and first in state.steps:
        of_step = state.steps[first].asks
        if len(of_step) == 1:
            return state.asks[of_step[0]], words[1:]
        if not of_step:
            asking = ", ".join(dict.fromkeys(ask.step_id or ask.id for ask in state.asks.values()))
            status = state.steps[first].status
            raise UsageError(f"Step {first} asks nothing, it is {status}; questions are open at: {asking}.")
        raise UsageError(f"Step {first} asks {len(of_step)} questions; name one: {', '.join(of_step)}.")
    if len(state.asks) == 1 and (first is None or "=" in first):
        return next(iter(state.asks.values())), words
    asking = ", ".join(dict.fromkeys(ask.step_id or ask.id for ask in state.asks.values()))
    if first is None or "=" in first:
        raise UsageError(f"Run {run} asks {len(state.asks)} questions; name the step: {asking}.")
    raise UsageError(f"Run {run} has no step {printable(first)}; questions are open at: {asking}.")


def _values(request: InputRequest, words: list[str], file: str | None) -> dict[str, Any]:
    if file is not None:
        if words:
            raise UsageError("Give the values as key=value or with --json, not both.")
        return _read_values(file)
    fields = [field for field in request.fields if field.type != "info"]
    if len(words) == 1 and len(fields) == 1 and not words[0].startswith(f"{fields[0].name}="):
        key = words[0].partition("=")[0] if "=" in words[0] else None
        # a single field needs no name, unless what stands before the = could be meant as one
        if key is None or not key.isidentifier():
            return {fields[0].name: words[0]}
    try:
        return parse_pairs(request, words)
    except PairError as error:
        raise UsageError(f"{error}.") from None


def _read_values(file: str) -> dict[str, Any]:
    where = "stdin" if file == "-" else printable(file)
    try:
        if file == "-":
            text = sys.stdin.buffer.read().decode()
        else:
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
        values = json.loads(text)
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {printable(str(error))}.") from None
    if not isinstance(values, dict):
        raise UsageError(f'{where} must hold a JSON object, such as {{"audience": "seed"}}.')
    return values


def _add_secrets(request: InputRequest, values: dict[str, Any], action: str, *, from_stdin: bool) -> bool:
    """Ask for the secrets that are missing, where there is a terminal; whether the answer holds one.

    Raises:
        UsageError: a secret is on the command line or in a file, or there is no way to give one.
    """
    chosen = next((one for one in request.actions if one.id == action), None)
    if chosen is not None and chosen.result != "accept":
        return False
    fields = [field for field in request.fields if field.type == "secret"]
    for field in fields:
        name = one_line(field.name)
        if field.name in values and not from_stdin:
            raise UsageError(
                f"{name} is a secret, which belongs on no command line and in no file: leave it out, and it is "
                "asked for without being shown, or give the answer as JSON on stdin with --json -."
            )
        if field.name not in values and sys.stdin.isatty():
            # nothing else goes on in this process that could wait for the loop
            if typed := getpass.getpass(f"{one_line(field.label or field.name)} (not shown): "):
                values[field.name] = typed
        elif field.name not in values and field.required:
            raise UsageError(
                f"{name} is a secret: answer at a terminal, where it is asked for without being shown, or give "
                "the answer as JSON on stdin with --json -."
            )
    return any(values.get(field.name) not in (None, "") for field in fields)


def _refuse_bad(request: InputRequest, values: dict[str, Any], action: str, workspace: str) -> None:
    """Say what is wrong before anything is written; the owner checks again.

    Raises:
        AnswerInvalid: the values do not fit.
    """
    checked = check_answer(request, values, action, workspace)
    if not isinstance(checked, CheckedAnswer):
        raise AnswerInvalid(checked)


COMMANDS: dict[str, Callable[[argparse.Namespace], Awaitable[int]]] = {"answer": answer, "cancel": cancel}
