"""Carries out one attempt: a session, the prompt, the result found in the answer, the handoff files.

This is the seam for running steps elsewhere: everything that goes in and comes out is serialisable, and
nothing here knows the plan, the run's state or the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
from anyio import to_thread

from piplan_tui.agents.protocol import (
    Agent,
    AgentFailure,
    AgentSession,
    AskReply,
    AsksByTool,
    Notice,
    SessionEvent,
    SessionRequest,
)
from piplan_tui.run.answer import AnswerCheck, AnswerReader
from piplan_tui.run.call_prompt import INTERRUPTED, answer_wrong_prompt, call_answer_prompt, call_prompt
from piplan_tui.run.handoff import prepare_workspace, write_handoff
from piplan_tui.run.kept_result import forget_results, keep_result, kept_result
from piplan_tui.run.merge_review import bring_back
from piplan_tui.run.model import (
    Changes,
    HandoffDescriptor,
    StepDone,
    StepExecutionInput,
    StepJob,
    StepResult,
)
from piplan_tui.run.prompt import answer_prompt, continue_prompt, result_missing_prompt, step_prompt
from piplan_tui.run.redact import Redactor
from piplan_tui.run.result_finder import ResultProblem, find_result
from piplan_tui.run.room import NoRoom, once_there_is_room
from piplan_tui.run.worktree import Worktree, isolated

MAX_REPROMPTS = 2
"""How often a session is asked again when its turn ended without a valid result."""

_LONG_TEXT = 20_000
"""Characters from which on a message is searched in a thread."""
_ABORTED = StepResult(status="cancelled", summary="the agent's turn was aborted")

_T = TypeVar("_T")


class StepPort(Protocol):
    """Where an attempt reports to while it runs. All calls are quick and come from the attempt's own task."""

    def opened(self, session: AgentSession, workspace: Path | None = None) -> None:
        """The session works in this folder; `None`: in that of the errand."""

    def said(self, event: SessionEvent) -> None: ...

    async def ask(self, request: dict[str, Any]) -> AskReply:
        """Put a question of the runner's own to the user, an input request, and wait for the answer."""

    def changed(self, changes: Changes) -> None:
        """What the attempt changed in a git worktree of its own."""

    def held_up(self, problem: str) -> None:
        """Files of the attempt cannot be written now, and why; empty: they are, or nobody tries any more."""

    def reprompted(self, count: int, problem: str) -> None: ...


class StepExecutor(Protocol):
    """Anything that can see an errand through: the `StepRunner` here, or a worker on another machine."""

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        """Carry it out; may be cancelled, and must then leave no process of the attempt alive.

        Raises:
            AgentFailure: the agent went wrong.
            HandoffError: the outcome could not be written.
        """


WriteHandoff = Callable[[StepExecutionInput, StepResult, str], Awaitable[HandoffDescriptor]]


class StepRunner:
    """Runs steps in sessions of the agents that `agent_named` gives.

    `environment` gives what is added to the environment of an agent's process for a run, `redactor` takes
    the user's secrets out of what comes back, `check` gives the further check of a call's answer, if any.
    """

    def __init__(
        self,
        agent_named: Callable[[str], Awaitable[Agent]],
        *,
        environment: Callable[[], Mapping[str, str]] = dict,
        redactor: Redactor | None = None,
        max_reprompts: int = MAX_REPROMPTS,
        handoff: WriteHandoff = write_handoff,
        check: Callable[[str], AnswerCheck | None] = lambda step_id: None,
    ) -> None:
        self._agent_named = agent_named
        self._environment = environment
        self._redactor = redactor or Redactor()
        self._max_reprompts = max_reprompts
        self._handoff = handoff
        self._check = check

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        notices: list[Notice] = []
        try:
            async with isolated(job, notices, port.held_up) as (job_there, worktree):
                if not worktree:
                    return await self._execute(job_there, port)
                # a conversation that goes on after an answer goes on in the same place
                worktree.keep = True
                try:
                    done = await self._execute(job_there, port, worktree)
                except Exception:
                    worktree.keep = False
                    raise
                worktree.keep = worktree.keep and done.result.status == "waiting_user"
                return done
        finally:
            for notice in notices:
                port.said(notice)

    async def _execute(self, job: StepJob, port: StepPort, worktree: Worktree | None = None) -> StepDone:
        given = job.given
        home = job.home or given.workspace
        await once_there_is_room(lambda: to_thread.run_sync(prepare_workspace, given, home), port.held_up)
        kept = await to_thread.run_sync(kept_result, job)
        if kept is None:
            await to_thread.run_sync(forget_results, job)
            done, raw = await self._in_session(job, port)
            if job.wanted != "status" or done.result.status != "completed":
                return done
            result = done.result
        else:
            result, raw = kept.result, kept.raw
            port.said(Notice("the session had finished before; its result was kept, and nothing is repeated"))
        if worktree is not None:
            if kept is None:
                await self._keep(job, result, raw, port, worktree.base)
            else:
                worktree.base = kept.base or worktree.base
            await bring_back(job, worktree, port, _reply_of(job) if kept is not None else None)
        left = msgspec.structs.replace(given, workspace=home)

        async def leave_handoff() -> HandoffDescriptor:
            try:
                return await self._handoff(left, result, raw)
            except NoRoom:
                await self._keep(job, result, raw, port, worktree.base if worktree is not None else "")
                raise

        handoff = await once_there_is_room(leave_handoff, port.held_up)
        return StepDone(result=result, handoff=handoff)

    async def _in_session(self, job: StepJob, port: StepPort) -> tuple[StepDone, str]:
        """What a session makes of the errand, before anything of it is brought anywhere, and its last message."""
        agent = await self._agent_named(job.agent)
        session = await agent.open(self._request(job, agent))
        try:
            port.opened(session, Path(job.given.workspace))
            text = _first_message(job, session)
            if job.wanted != "status":
                return await self._to_answer(session, text, port, self._reader(job)), ""
            result, raw = await self._to_result(session, text, port)
            return StepDone(result=result), raw
        finally:
            await session.close()

    @staticmethod
    async def _keep(job: StepJob, result: StepResult, raw: str, port: StepPort, base: str) -> None:
        try:
            await to_thread.run_sync(keep_result, job, result, raw, base)
        except OSError as error:
            # not a reason to give the result up: it is still here
            why = error.strerror or error
            port.said(Notice(f"the result could not be kept for the case of a crash: {why}", "warning"))

    def _reader(self, job: StepJob) -> AnswerReader:
        return AnswerReader(job.schema, self._check(str(job.given.step["id"])))

    def _request(self, job: StepJob, agent: Agent) -> SessionRequest:
        given = job.given
        return SessionRequest(
            run_id=given.run_id,
            step_id=str(given.step["id"]),
            attempt=given.attempt,
            workspace=Path(given.workspace),
            model=job.model,
            provider=job.provider,
            thinking=job.thinking,
            tools=job.tools,
            system_prompt=job.system_prompt,
            env=self._environment(),
            session_dir=Path(job.session_dir) if job.session_dir else None,
            resume=job.resume if agent.continues_sessions else None,
            step=given.step,
            permissions=job.permissions,
            demo_pace=job.demo_pace,
        )

    async def _to_answer(
        self, session: AgentSession, text: str, port: StepPort, reader: AnswerReader
    ) -> StepDone:
        """Prompt until there is an answer to an agent call."""

        def ask_again(problem: str) -> str:
            return answer_wrong_prompt(problem, reader.schema)

        found, _ = await self._until_valid(session, text, port, reader.read, ask_again)
        return found or StepDone(result=_ABORTED)

    async def _to_result(self, session: AgentSession, text: str, port: StepPort) -> tuple[StepResult, str]:
        """Prompt until there is the result of a step, which is given with the message that it stands in."""

        def read(raw: str, _cut_off: bool) -> StepResult | ResultProblem:
            return find_result(raw)

        found, raw = await self._until_valid(session, text, port, read, result_missing_prompt)
        return (self._redactor.value(found) if found is not None else _ABORTED), raw

    async def _until_valid(
        self,
        session: AgentSession,
        text: str,
        port: StepPort,
        read: Callable[[str, bool], _T | ResultProblem],
        ask_again: Callable[[str], str],
    ) -> tuple[_T | None, str]:
        """Prompt until `read` finds what is wanted in the last message, a bounded number of times.

        `read` is told whether the message was cut off. Gives what it found, or `None` after a turn that was
        aborted, and the message.

        Raises:
            ResultMissing: it was never found.
        """
        reprompts = 0
        while True:
            turn = await session.prompt(text, port.said)
            raw = self._redactor.text(turn.text)
            if turn.stop == "aborted":
                return None, raw
            cut_off = turn.stop == "length"
            # the search is linear, but long hostile text still takes seconds
            in_thread = len(raw) >= _LONG_TEXT
            found = await to_thread.run_sync(read, raw, cut_off) if in_thread else read(raw, cut_off)
            if not isinstance(found, ResultProblem):
                return found, raw
            problem = found.message
            if cut_off:
                problem = f"Your last message was cut off at the model's length limit. {problem}"
            if reprompts == self._max_reprompts:
                raise ResultMissing(found, raw, reprompts)
            reprompts += 1
            port.reprompted(reprompts, problem)
            text = ask_again(problem)


def _reply_of(job: StepJob) -> AskReply | None:
    """The user's answer to the review of a session that had finished before, if there was one."""
    if job.reason != "answer" or not job.given.user_input:
        return None
    answer = job.given.user_input[-1]
    if answer.action == "accept":
        return AskReply(action="accept", values=answer.values)
    return AskReply(action="decline" if answer.action == "decline" else "cancel")


class ResultMissing(AgentFailure):
    """The session never gave a valid result, although it was told what was wrong. `detail` is its last text."""

    def __init__(self, problem: ResultProblem, raw: str, reprompts: int) -> None:
        times = {1: "once", 2: "twice"}.get(reprompts, f"{reprompts} times")
        asked = f" and was asked again {times}" if reprompts else ""
        super().__init__(
            "protocol",
            f"the agent did not end with a valid result{asked}: {problem.message}",
            detail=raw[-4_000:],
        )


def _first_message(job: StepJob, session: AgentSession) -> str:
    same_conversation = job.resume is not None and session.ref.session_id == job.resume.session_id
    call = job.wanted != "status"
    if same_conversation and job.reason == "answer" and job.given.user_input:
        answer = job.given.user_input[-1]
        return call_answer_prompt(answer) if call else answer_prompt(answer)
    if call:
        prompt = call_prompt(job.given, job.schema)
        return f"{INTERRUPTED}\n\n{prompt}" if same_conversation and job.reason == "continue" else prompt
    ask_tool = session.ask_tool if isinstance(session, AsksByTool) else ""
    if same_conversation and job.reason == "continue":
        return continue_prompt(job.given, ask_tool)
    return step_prompt(job.given, ask_tool)
