"""What went wrong with an agent over ACP, in one clear sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from acp.exceptions import RequestError
from acp.schema import AuthMethodAgent, EnvVarAuthMethod, TerminalAuthMethod

from piplan_tui.agents.failures import in_sentence, provider_failure, span
from piplan_tui.agents.process import describe_exit
from piplan_tui.agents.protocol import AgentFailure

AUTH_REQUIRED = -32000
METHOD_NOT_FOUND = -32601
_MAX_DATA = 200

AuthMethods = Sequence[EnvVarAuthMethod | TerminalAuthMethod | AuthMethodAgent]


def not_logged_in(name: str, login: str, methods: AuthMethods, program: str) -> AgentFailure:
    """The agent wants the user to log in first; `login` is what is known about how."""
    how = login or _login_of(methods, program) or "log in to it with its own program first"
    return AgentFailure("auth", f"{name} is not logged in: {how}")


def _login_of(methods: AuthMethods, program: str) -> str:
    ways: list[str] = []
    for method in methods:
        if isinstance(method, TerminalAuthMethod):
            ways.append(f"run {' '.join([program, *(method.args or [])])} in a terminal")
        elif isinstance(method, EnvVarAuthMethod):
            ways.append(f"set {' and '.join(variable.name for variable in method.vars)}")
        else:
            ways.append(method.description or method.name)
    return in_sentence(", or ".join(ways))


def refused(name: str, what: str, error: RequestError) -> AgentFailure:
    """The agent answered a request of the protocol itself with an error."""
    return AgentFailure("protocol", f"{name} refused {what}: {error_text(error)}")


def turn_failed(name: str, error: RequestError) -> AgentFailure:
    """The agent answered a prompt with an error, which most often is its model's provider's."""
    text = error_text(error)
    failure = provider_failure(text)
    if failure.kind == "provider":
        return AgentFailure("provider", f"{name} failed: {text}", retryable=failure.retryable)
    said = f"the model's provider of {name}"
    return AgentFailure(
        failure.kind,
        failure.message.replace("the model's provider", said, 1),
        retryable=failure.retryable,
    )


def error_text(error: RequestError) -> str:
    """The message of an error, with its data where that adds something."""
    text = str(error)
    for prefix in ("Internal error: ", "Internal server error: "):
        text = text.removeprefix(prefix)
    detail = _detail_of(error.data)
    if detail and detail not in text:
        text = detail if text in ("Internal error", "Error", "") else f"{text}: {detail}"
    return in_sentence(text) or f"error {error.code}"


def _detail_of(data: Any) -> str:
    if isinstance(data, dict):
        for key in ("details", "message", "error", "reason"):
            if isinstance(data.get(key), str):
                return str(data[key])
        return json.dumps(data, ensure_ascii=False, default=str)[:_MAX_DATA] if data else ""
    return data[:_MAX_DATA] if isinstance(data, str) else ""


def died(name: str, returncode: int | None, stderr: str, *, during: str) -> AgentFailure:
    last = last_words(stderr)
    how = "it closed its stdout" if returncode is None else describe_exit(returncode)
    return AgentFailure(
        "died",
        f"{name} ended {during} ({how})" + (f": {last}" if last else ""),
        detail=stderr,
        retryable=True,
    )


def did_not_come_up(name: str, returncode: int | None, stderr: str, garbage: str) -> AgentFailure:
    """The program ended, or wrote something else, before it answered the first request."""
    last = last_words(stderr) or garbage
    return AgentFailure(
        "unusable",
        f"{name} did not come up as an ACP agent ({describe_exit(returncode)})"
        + (f": {last}" if last else ""),
        detail=stderr,
    )


def silent(name: str, what: str, seconds: float, stderr: str, garbage: str = "") -> AgentFailure:
    """The agent did not answer in time. What it wrote instead of the protocol says more than that."""
    within = f"within {span(seconds)}"
    if garbage:
        sentence = f"{name} does not speak ACP: it did not answer {what} {within}, but wrote: {garbage}"
        return AgentFailure("protocol", sentence, detail=stderr)
    return AgentFailure("hung", f"{name} did not answer {what} {within}", detail=stderr, retryable=True)


def said_nothing(name: str, seconds: float, stderr: str) -> AgentFailure:
    """The agent was silent in the middle of its turn, although nothing else was to be waited for."""
    sentence = f"{name} said nothing for {span(seconds)} while no tool ran; it was stopped"
    return AgentFailure("hung", sentence, detail=stderr, retryable=True)


def last_words(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    return in_sentence(lines[-1]) if lines else ""
