"""What the demo agent plays for a step: written in the step's `demo` field, or made up from its id and goal.

Everything is settled before the first word: the same step always plays the same way, in any process.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec


class DemoTool(msgspec.Struct, rename="camel", frozen=True):
    """One tool call; `seconds` is how long it runs, by default a share of the step's time."""

    tool: str
    target: str = ""
    output: str = ""
    seconds: float | None = None
    ok: bool = True


class DemoFailure(msgspec.Struct, rename="camel", frozen=True):
    """The first `times` attempts end in status `failed`."""

    message: str = "The demonstration was told to fail here."
    times: int = 1


class DemoRetry(msgspec.Struct, rename="camel", frozen=True):
    """A request that the provider refused once and took `delay_seconds` later."""

    error: str = "429 rate limit reached"
    delay_seconds: float = 2.0
    attempt: int = 1
    max_attempts: int = 3


class DemoScript(msgspec.Struct, rename="camel", frozen=True):
    """The `demo` field of a plan step; every part may be left out.

    `seconds` is the length of the whole step at pace 1, an answer's waiting time not counted. `ask` is an
    input request: the step first waits for the user, then goes on. `fail` as a text fails every attempt.
    `result` is merged into the object that ends the step. `tokens` and `cost_usd` are what the whole
    attempt has used at its end.
    """

    seconds: float | None = None
    thinking: str | None = None
    text: str | None = None
    tools: list[DemoTool] | None = None
    ask: dict[str, Any] | None = None
    fail: str | DemoFailure | None = None
    retry: DemoRetry | None = None
    result: dict[str, Any] = msgspec.field(default_factory=dict)
    tokens: int | None = None
    cost_usd: float | None = None

    def failure(self, attempt: int) -> str | None:
        """Why this attempt fails, or `None`. Attempts count from 1."""
        if isinstance(self.fail, DemoFailure):
            return self.fail.message if attempt <= self.fail.times else None
        return self.fail


class Scene(msgspec.Struct, frozen=True):
    """A script with nothing left open."""

    title: str
    seconds: float
    thinking: str
    text: str
    tools: tuple[DemoTool, ...]
    tokens: int
    cost_usd: float
    script: DemoScript


_READ = (
    ("read", "README.md", "# Orders service\n\nTakes orders over HTTP and hands them to the warehouse.\n"),
    ("read", "src/server.py", "def handle(request):\n    user = authenticate(request)\n    ...\n"),
    ("read", "docs/architecture.md", "## Request path\n\nproxy → server → queue → worker\n"),
    ("ls", "src/", "cache.py\nhandlers.py\nserver.py\nsettings.py\n"),
)
_LOOK = (
    ("grep", '"timeout" src/', "src/server.py:41: timeout=30\nsrc/cache.py:12: timeout=5\n"),
    ("grep", '"TODO" src/', "src/handlers.py:88: # TODO: paging\n"),
    ("bash", "git log --oneline -3", "4e1c0aa Cache the catalogue\n91b7d23 Name the queue\n0d55f10 Tidy\n"),
    ("bash", "pytest -q", "........................\n24 passed in 1.31s\n"),
)
_WRITE = (
    ("write", "notes/findings.md", "wrote 38 lines\n"),
    ("write", "notes/decision.md", "wrote 21 lines\n"),
    ("edit", "src/settings.py", "1 block changed\n"),
)
_ASKS = re.compile(r"\b(ask|confirm|clarify|approve|approval|decide with)\b", re.IGNORECASE)
_USD_PER_TOKEN = 0.000_013


def scene(step: dict[str, Any]) -> Scene:
    """Settle what a step plays.

    Raises:
        ValueError: its `demo` field is not a script; says where.
    """
    goal, title = str(step.get("goal", "")), str(step.get("title") or step.get("id", ""))
    try:
        script = msgspec.convert(step.get("demo", {}), DemoScript)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    dice = hashlib.sha256(f"{step.get('id', '')}\0{goal}".encode("utf-8", "replace")).digest()
    if script.ask is None and "demo" not in step and "call" not in step and _ASKS.search(goal):
        script = msgspec.structs.replace(script, ask=_question(title, goal))
    tools = script.tools
    if tools is None:
        chosen = [_READ[dice[0] % len(_READ)], _LOOK[dice[1] % len(_LOOK)]]
        if dice[2] % 3:
            chosen.append(_WRITE[dice[2] % len(_WRITE)])
        tools = [DemoTool(*each) for each in chosen]
    tokens = script.tokens if script.tokens is not None else 2_000 + int.from_bytes(dice[4:6]) % 12_000
    return Scene(
        title=title,
        seconds=script.seconds if script.seconds is not None else 3 + dice[3] % 50 / 10,
        thinking=script.thinking
        or f"The goal is: {_first_sentence(goal)} I will look at what is there before I settle on anything.",
        text=script.text
        or f"I looked at what matters for “{title}” and wrote down what the next steps need.",
        tools=tuple(tools),
        tokens=max(0, tokens),
        cost_usd=script.cost_usd if script.cost_usd is not None else round(tokens * _USD_PER_TOKEN, 4),
        script=script,
    )


def _question(title: str, goal: str) -> dict[str, Any]:
    return {
        "version": 1,
        "title": title[:120],
        "message": f"{_first_sentence(goal)} How shall I go on?",
        "fields": [
            {
                "name": "choice",
                "type": "choice",
                "label": "Go on",
                "options": [
                    {"value": "yes", "label": "As planned", "recommended": True},
                    {"value": "careful", "label": "With more checks"},
                ],
            },
            {"name": "note", "type": "text", "label": "Note", "required": False},
        ],
    }


def _first_sentence(text: str) -> str:
    sentence = re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0][:200]
    return sentence if sentence.endswith((".", "!", "?")) or not sentence else f"{sentence}."
