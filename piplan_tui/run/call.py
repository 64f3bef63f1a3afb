"""An agent call of a workflow's script: its options, what it is recognised by, and the errand that it makes.

A call has a *key*, the hash of what its result depends on (prompt, options, schema), and a *place*, where it
stands in the script (phase, label, pipeline item and stage, how many equal ones came before). The same place
with the same key is the same call; in another run, the same key alone is enough.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import msgspec

from piplan_tui.plan.names import folder_name_problem
from piplan_tui.plan.spelling import Spelling
from piplan_tui.run.answer import object_schema
from piplan_tui.run.model import StepJob
from piplan_tui.run.state import RunState, StepState
from piplan_tui.workflow.agent_types import AgentType
from piplan_tui.workflow.host import CALL_OPTIONS, ScriptMistake

MAX_RETRIES = 10
DEFAULT_RETRIES = 1
_OPTIONS = (*CALL_OPTIONS, "path")
TIERS = frozenset({"opus", "sonnet", "haiku", "inherit"})
"""What scripts of Claude Code call models. They are no ids: which model is meant is the user's to say."""
_TEXTS = ("label", "phase", "model", "effort", "agentType", "isolation", "path")
_TITLE_LENGTH = 80


class AgentCall(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One call as the script made it. `schema` is that of an object; see `object_schema`."""

    prompt: str
    label: str = ""
    phase: str = ""
    path: str = ""
    schema: dict[str, Any] | None = None
    wrapped: bool = False
    model: str = ""
    effort: str = ""
    agent_type: str = ""
    tools: tuple[str, ...] | None = None
    retries: int = DEFAULT_RETRIES
    isolation: str = ""

    @property
    def title(self) -> str:
        """How the call is named to people."""
        text = self.label or " ".join(self.prompt[: 4 * _TITLE_LENGTH].split())
        return text if len(text) <= _TITLE_LENGTH else text[: _TITLE_LENGTH - 1] + "…"

    @property
    def key(self) -> str:
        """The hash of what the result depends on. Where the call stands and how often it is retried do not count."""
        parts = [
            self.prompt,
            self.schema,
            self.model,
            self.effort,
            self.agent_type,
            self.tools,
            self.isolation,
        ]
        return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]

    @property
    def place(self) -> str:
        """Where the call stands; equal calls at one place are told apart by counting them."""
        return "\n".join((self.phase, self.label, self.path))

    def document(self, place: str, kind: AgentType | None = None) -> dict[str, Any]:
        """The step's document. Its `call` is what `call_job` and a later run read.

        `kind` is the definition that the call names as its agent type; what the call says itself goes before.
        """
        call: dict[str, Any] = msgspec.to_builtins(self)
        if kind is not None:
            call["systemPrompt"] = kind.system_prompt
            call["model"] = self.model or kind.model
            call["tools"] = self.tools if self.tools is not None else kind.tools
        for name in ("prompt", "label", "phase", "path"):
            call.pop(name, None)
        document: dict[str, Any] = {"title": self.title, "goal": self.prompt}
        if self.phase:
            document["phase"] = self.phase
        return {**document, "call": {**call, "key": self.key, "place": place}}


def read_call(prompt: Any, options: dict[str, Any], *, phase: str) -> AgentCall:
    """Check what a script passed. `phase` is the one that the script is in.

    Raises:
        ScriptMistake
    """
    if not isinstance(prompt, str) or not prompt.strip():
        raise ScriptMistake(f"agent() needs a prompt, a text that is not empty; it got {_shown(prompt)}")
    for name in options:
        if name not in _OPTIONS:
            meant = Spelling(_OPTIONS[:-1]).nearest(str(name))
            hint = f"; did you mean {meant}?" if meant else f"; it has {', '.join(_OPTIONS[:-1])}"
            raise ScriptMistake(f"agent() has no option {name!r}{hint}")
    given = {name: value for name, value in options.items() if value is not None}
    for name in _TEXTS:
        if name in given and not isinstance(given[name], str):
            raise ScriptMistake(f"agent() needs a text as its option {name}, not {_shown(given[name])}")
    tools = given.get("tools")
    if tools is not None and not (
        isinstance(tools, list | tuple) and all(isinstance(tool, str) for tool in tools)
    ):
        raise ScriptMistake(f"agent() needs a list of tool names as its option tools, not {_shown(tools)}")
    retries = given.get("retries", DEFAULT_RETRIES)
    if isinstance(retries, float) and retries.is_integer():
        retries = int(retries)
    if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MAX_RETRIES:
        raise ScriptMistake(
            f"agent() needs a number from 0 to {MAX_RETRIES} as its option retries, not {_shown(retries)}"
        )
    isolation = given.get("isolation", "")
    if isolation not in ("", "worktree"):
        raise ScriptMistake(f"agent() knows only the isolation 'worktree', not {_shown(isolation)}")
    schema, wrapped = None, False
    if "schema" in given:
        try:
            wanted = object_schema(given["schema"])
        except ValueError as error:
            raise ScriptMistake(f"agent() got a schema that cannot be used: {error}") from None
        schema, wrapped = wanted.schema, wanted.wrapped
    return AgentCall(
        prompt=prompt,
        label=given.get("label", ""),
        phase=given.get("phase", "") or phase,
        path=given.get("path", ""),
        schema=schema,
        wrapped=wrapped,
        model=given.get("model", ""),
        effort=given.get("effort", ""),
        agent_type=given.get("agentType", ""),
        tools=None if tools is None else tuple(tools),
        retries=retries,
        isolation=isolation,
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def step_id_for(call: AgentCall, taken: dict[str, StepState], used: dict[str, int]) -> str:
    """A name for the call's step that can be a folder: from its label, or the first words of its prompt.

    `used` remembers how often a name was given, so that the thousandth is found as fast as the first.
    """
    text = call.label or " ".join(call.prompt[:400].split()[:4])
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())
    stem = ""
    for word in words:
        longer = f"{stem}-{word}" if stem else word
        if len(longer.encode()) > 48:
            break
        stem = longer
    if not stem or folder_name_problem(stem):
        stem = "agent"
    number = used.get(stem, 0) + 1
    name = stem if number == 1 else f"{stem}-{number}"
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    used[stem] = number
    return name


# -- the errand ------------------------------------------------------------------------------------


def _call_of(step: StepState) -> dict[str, Any]:
    call = step.document.get("call")
    return call if isinstance(call, dict) else {}


def call_key(step: StepState) -> tuple[str, str]:
    """The key and the place of a step's call, as they were stored."""
    call = _call_of(step)
    return str(call.get("key", "")), str(call.get("place", ""))


def called_model(state: RunState, step: StepState) -> str:
    """The model that the script wants for this call, as the user's names for models say; empty for the run's own."""
    if state.workflow is None:
        return ""
    name = str(_call_of(step).get("model", ""))
    models = state.settings.get("models") or {}
    return str(models.get(name, "" if name in TIERS else name))


def unknown_tier(state: RunState, step: StepState) -> str:
    """The tier that a call names and that the user gave no model; empty when there is none."""
    name = str(_call_of(step).get("model", ""))
    return name if name in TIERS - {"inherit"} and name not in (state.settings.get("models") or {}) else ""


def call_job(job: StepJob, step: StepState) -> StepJob:
    """The errand of an agent call: `job` with what the call asks for in place of the run's settings."""
    call = _call_of(step)
    schema = call.get("schema")
    tools = call.get("tools")
    return msgspec.structs.replace(
        job,
        wanted="text" if schema is None else "schema",
        schema=schema,
        isolation=call.get("isolation", "") or job.isolation,
        system_prompt="\n\n".join(part for part in (job.system_prompt, call.get("systemPrompt", "")) if part),
        thinking=call.get("effort") or job.thinking,
        tools=job.tools if tools is None else tuple(tools),
    )
