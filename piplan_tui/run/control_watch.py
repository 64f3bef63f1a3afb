"""Carries out what other processes ask of a run that this process owns."""

from __future__ import annotations

import logging
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.store import control, private
from piplan_tui.store.protocol import StoreError

log = logging.getLogger(__name__)


async def serve_control(run: Run, run_dir: Path) -> None:
    """Do what comes in through the run's control folder, one request after the other, and reply to each.

    Runs until the run is let go of, or until it is cancelled; a request that is being carried out is first
    brought to its end, so that the asker hears of a cancel that ended the run. A folder that cannot be read
    ends it: the run itself goes on.
    """
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_watch, run, run_dir)
        tasks.start_soon(_take_secrets, run, run_dir)
        await run.closed.wait()
        tasks.cancel_scope.cancel()


def cancelled(run_id: str, result: PiPlanCancelResult) -> str:
    """Says that a run was cancelled, and how many processes of it could not be ended."""
    word = "process" if result.processes_left == 1 else "processes"
    return f"run {run_id} was cancelled; {result.processes_left} {word} left"


async def _watch(run: Run, run_dir: Path) -> None:
    try:
        async for request in control.watch_requests(run_dir):
            with anyio.CancelScope(shield=True):
                answer = await _carry_out(run, request)
                await anyio.to_thread.run_sync(control.reply, run_dir, answer)
    except StoreError as error:
        log.warning("run %s cannot be steered from other processes any more: %s", run.id, error)


async def _take_secrets(run: Run, run_dir: Path) -> None:
    async def carry_out(request: control.AnswerRequest) -> control.ControlReply:
        return await _carry_out(run, request, holds_secret=True)

    try:
        await private.serve_private(run_dir, carry_out)
    except StoreError as error:
        log.warning("secrets of run %s can only be given on its own screen: %s", run.id, error)


async def _carry_out(
    run: Run, request: control.ControlRequest, *, holds_secret: bool = False
) -> control.ControlReply:
    try:
        return await _do(run, request)
    except (ControlRefused, AnswerInvalid, StoreError) as refused:
        return control.ControlReply(id=request.id, accepted=False, message=str(refused))
    except Exception as error:
        # a request is foreign data; whatever it sets off must not end the run
        said = type(error).__name__
        if not holds_secret:
            log.exception("request %s failed", request.id)
            said += f": {error}"
        message = f"internal error: {said}"
        return control.ControlReply(id=request.id, accepted=False, message=message)


async def _do(run: Run, request: control.ControlRequest) -> control.ControlReply:
    """Do it, and say in one sentence what was done."""
    queued = False
    match request:
        case control.AnswerRequest():
            await run.answer(
                request.ask_id,
                request.values,
                action=request.action,
                action_id=request.action_id,
                note=request.note,
                surface=request.surface,
            )
            message = "the answer was taken"
        case control.DeclineRequest():
            await run.answer(request.ask_id, action="decline", note=request.note, surface=request.surface)
            message = "the question was declined"
        case control.CancelRequest() if request.step_id:
            await run.cancel_step(request.step_id)
            message = f"step {request.step_id} was cancelled"
        case control.CancelRequest():
            result = await run.cancel(reason=request.reason)
            if not result.cancelled:
                raise ControlRefused(f"the run is already {result.status}")
            message = cancelled(run.id, result)
        case control.PauseRequest():
            await run.pause(reason=request.reason)
            message = f"run {run.id} is paused"
        case control.ResumeRequest():
            await run.resume()
            message = f"run {run.id} goes on"
        case control.RetryRequest():
            again = await run.retry(
                request.step_ids,
                goal=request.goal,
                agent=request.agent,
                model=request.model,
                with_downstream=request.with_downstream,
            )
            message = f"will be tried again: {', '.join(again)}"
        case control.SkipRequest():
            await run.skip(request.step_id)
            message = f"step {request.step_id} was skipped"
        case control.EditRequest():
            await run.edit_step(request.step_id, request.goal)
            message = f"step {request.step_id} has a new goal"
        case control.SteerRequest():
            told = await run.steer(request.step_id, request.message)
            if not told:
                raise ControlRefused(
                    f"the agent of step {request.step_id} cannot be told anything now; stop the step and retry it "
                    "with an edited goal"
                )
            queued = told == "queued"
            message = f"step {request.step_id} {'is told when its turn ends' if queued else 'was told'}"
    return control.ControlReply(id=request.id, accepted=True, message=message, queued=queued)
