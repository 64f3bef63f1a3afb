"""What went wrong with Pi, in one clear sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence

from piplan_tui.agents.failures import in_sentence, provider_failure
from piplan_tui.agents.process import describe_exit
from piplan_tui.agents.protocol import AgentFailure

INSTALL = (
    "install it with npm install -g @earendil-works/pi-coding-agent, or name it with --pi-command / PIPLAN_PI"
)
_NO_MODEL = (
    "pi has no model that it can use: set an API key such as ANTHROPIC_API_KEY, log in with /login inside pi, "
    "or name a model that it knows with --model"
)

_NEWER_NODE = re.compile(r"does not provide an export named|Unsupported engine|requires? Node|node:module")


def not_found(program: str) -> AgentFailure:
    where = "was not found" if "/" in program else "was not found on PATH"
    return AgentFailure("missing", f"{program} {where}; {INSTALL}")


def request_failed(error: str, model: str = "") -> AgentFailure:
    """A request that the model's provider refused for good, or Pi refused to make."""
    # what follows an empty line is advice for Pi's own screen
    text = error.partition("\n\n")[0]
    if "No model selected" in error or "No models available" in error:
        return AgentFailure("auth", _NO_MODEL, detail=error)
    if "No API key found" in error:
        return AgentFailure(
            "auth", f"pi has no key for {model or 'its model'}: {in_sentence(text)}", detail=error
        )
    return provider_failure(text, model)


def no_model() -> AgentFailure:
    return AgentFailure("auth", _NO_MODEL)


def died(returncode: int | None, stderr: str, *, during: str) -> AgentFailure:
    last = _last_words(stderr)
    return AgentFailure(
        "died",
        f"pi ended {during} ({describe_exit(returncode)})" + (f": {last}" if last else ""),
        detail=stderr,
        retryable=True,
    )


def did_not_start(command: Sequence[str], returncode: int | None, stderr: str) -> AgentFailure:
    """Pi ended before it answered its first command."""
    if _NEWER_NODE.search(stderr):
        node = re.search(r"Node\.js (v[\d.]+)", stderr)
        has = f", this is {node.group(1)}" if node else ""
        return AgentFailure("unusable", f"this pi needs a newer Node.js (22.19 or later{has})", detail=stderr)
    if "node: No such file" in stderr or "node': No such file" in stderr or "node: not found" in stderr:
        return AgentFailure(
            "missing", "pi needs Node.js (22.19 or later), which was not found", detail=stderr
        )
    if "No models available" in stderr or "No model selected" in stderr:
        return AgentFailure("auth", _NO_MODEL, detail=stderr)
    last = _last_words(stderr)
    if last.startswith("Error: "):
        return AgentFailure("unusable", f"pi did not start: {last.removeprefix('Error: ')}", detail=stderr)
    return AgentFailure(
        "unusable",
        f"{command[0]} did not come up as pi ({describe_exit(returncode)})" + (f": {last}" if last else ""),
        detail=stderr,
    )


def hung(sentence: str, stderr: str) -> AgentFailure:
    return AgentFailure("hung", sentence, detail=stderr, retryable=True)


def _last_words(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"\s*(\w*Error\b|error:|fatal)", line, re.IGNORECASE)]
    return in_sentence((errors or lines or [""])[-1])
