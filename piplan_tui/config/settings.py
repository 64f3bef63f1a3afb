"""Settings: defaults < config file < environment < flags.

The config file is TOML: `config.toml` in the user's config folder (`~/.config/piplan` on Linux), or the file
that `--config` or `PIPLAN_CONFIG` names. A file beside the plan is never read by itself: a plan that was
downloaded must not choose which programs run here.

Each setting has a variable in the environment, `PIPLAN_` and its name in capitals (`PIPLAN_MAX_CONCURRENCY`), but
for `pi_command`, which is `PIPLAN_PI`, and the tables `steps`, `models`, `agents`, `notify` and `keys`, which only
the file can hold. An empty variable counts as not set.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_config_dir
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from piplan_tui.clean import printable
from piplan_tui.config import agent_tables, screen_tables, step_rules
from piplan_tui.config.problem import Problem
from piplan_tui.run.permission import POLICIES_SAID, Policy, read_policy

OnAsk = Literal["wait", "exit", "fail", "defaults"]
Ui = Literal["plain", "json", "quiet"]


def _read_policy(value: object) -> object:
    return read_policy(value) or value if isinstance(value, str) else value


def _split_names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


class Settings(BaseModel):
    """What the user chose, wherever it was said."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    agent: str = Field(default="pi", min_length=1)
    """Who carries out the steps: `pi`, `demo`, `command:PROGRAM`, `acp:PROGRAM`."""

    model: str = ""
    """The model that the agent is to use; empty leaves it to the agent."""

    provider: str = ""
    """The provider of the model, as the agent names it; empty leaves it to the agent."""

    thinking: str = ""
    """How much the model is to think, in the agent's own words (`off`, `low`, `high`)."""

    tools: Annotated[tuple[str, ...] | None, BeforeValidator(_split_names)] = None
    """The only tools that the agent may use; not set: those that it has by itself."""

    system_prompt: str = ""
    """Said to the agent before every step, besides the step's own prompt."""

    steps: dict[str, Any] = Field(default_factory=dict)
    """Agents and models for steps that a rule fits, and what takes the place of an agent that cannot be used; see
    `piplan_tui.config.step_rules`."""

    models: dict[str, str] = Field(default_factory=dict)
    """The models that workflows mean by a name: `[models]`, `opus = "anthropic/claude-opus-4-1"`. Not set: `opus`,
    `sonnet` and `haiku` are the run's own model, and any other name is the agent's to understand."""

    agents: dict[str, Any] = Field(default_factory=dict)
    """Agents with names of the user's own, and what each agent may do; see `piplan_tui.config.agent_tables`."""

    permissions: Annotated[Policy | None, BeforeValidator(_read_policy)] = None
    """What agents may do without a question: `ask` about everything that they ask, `allow read-only`,
    `allow in workspace` (reading and changing files there) or `deny`; not set: what they ask is asked. A policy
    in `agents` goes before it."""

    workspace: Path | None = None
    """The folder that the agents work in; not set: the current folder."""

    store: str = ""
    """The folder that keeps runs, or `memory` to keep none; empty: the user's state folder."""

    max_concurrency: int = Field(default=4, ge=1)
    """How many steps of a parallel plan may run at once."""

    budget_tokens: int | None = Field(default=None, gt=0)
    """No step starts once the run has used this many tokens."""

    budget_usd: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """No step starts once the run has cost this many US dollars."""

    budget_output_tokens: int | None = Field(default=None, gt=0)
    """No step starts once models have written this many tokens."""

    max_agents: int = Field(default=1_000, ge=1)
    """How many agent calls one run of a workflow may make."""

    max_items: int = Field(default=4_096, ge=1)
    """How many items one `parallel` or `pipeline` call of a workflow may have."""

    ask_agents: int | None = Field(default=None, ge=0)
    """A workflow asks before a fan-out of this many likely agent calls, or of what does not fit into the budget; 0:
    it only says what is likely to be used. Not set: 50 where somebody is there to answer (the terminal view without
    `--yes`, `on_ask = "wait"`), otherwise 0."""

    on_ask: OnAsk = "exit"
    """What a run without the TUI does with a question: `wait` for an answer from another terminal, `exit` once
    nothing else can move, `fail` the step, or take the `defaults` of its fields where they suffice."""

    ui: Ui = "plain"
    """What a run without the TUI prints: `plain` lines, events as `json` lines, or `quiet`."""

    notify: dict[str, Any] = Field(default_factory=dict)
    """How a question is told to somebody who may be away; see `piplan_tui.config.screen_tables`."""

    keys: dict[str, Any] = Field(default_factory=dict)
    """Other keys for commands of the terminal view; see `piplan_tui.config.screen_tables`."""

    theme: str = ""
    """The colours of the terminal view; empty: what was chosen last, at first Textual's own dark ones."""

    markdown: bool = True
    """Lay out messages of agents that are Markdown; off, they are shown as they were written (`M` changes it)."""

    ascii: bool = False
    """Draw with ASCII characters only."""

    plain_list: bool = False
    """Say everything in lines of words, for screen readers: no signs, no columns, and nothing moves."""

    pi_command: str = ""
    """The program that starts Pi, with arguments if need be; empty: `pi` from the PATH."""

    demo_pace: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """Seconds that the demo agent takes for what it would do in one; 0 does not wait at all."""

    def workspace_dir(self) -> Path:
        """The folder that the agents work in, absolute."""
        return (self.workspace.expanduser() if self.workspace else Path.cwd()).absolute()


ONLY_IN_FILE = frozenset({"steps", "agents", "models", "notify", "keys"})
"""Settings that are tables: neither a variable nor a flag can hold them."""

EXPECTED: dict[str, str] = {
    "agent": "the name of an agent, such as pi, demo or command:./agent.sh",
    "model": "text",
    "provider": "text",
    "thinking": "text",
    "tools": 'a list of names, such as ["read", "bash"]',
    "system_prompt": "text",
    "steps": "tables such as [steps.by.role.designer]",
    "models": 'a table of names, such as opus = "provider/model"',
    "agents": "tables such as [agents.my-agent]",
    "permissions": POLICIES_SAID,
    "workspace": "a folder",
    "store": "a folder, or memory",
    "max_concurrency": "a whole number, 1 or more",
    "budget_tokens": "a whole number above 0",
    "budget_usd": "a number above 0",
    "budget_output_tokens": "a whole number above 0",
    "max_agents": "a whole number, 1 or more",
    "max_items": "a whole number, 1 or more",
    "ask_agents": "a whole number, 0 or more",
    "on_ask": "wait, exit, fail or defaults",
    "ui": "plain, json or quiet",
    "notify": "a table: [notify]",
    "keys": "a table: [keys]",
    "theme": "the name of a theme, such as piplan-dark",
    "markdown": "true or false",
    "ascii": "true or false",
    "plain_list": "true or false",
    "pi_command": "a command",
    "demo_pace": "a number, 0 or more",
}
"""What a setting's value must be, as the end of a sentence."""


class SettingsInvalid(Exception):
    """Settings cannot be used. `str()` has one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return "PIPLAN_PI" if setting == "pi_command" else f"PIPLAN_{setting.upper()}"


def default_config_file() -> Path:
    """Where the config file is looked for when none is named."""
    return Path(user_config_dir("piplan")) / "config.toml"


def load_settings(
    flags: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    config_file: Path | None = None,
) -> Settings:
    """Put the settings together.

    `flags` maps names of settings to the values that the command line gave. `config_file` is the file that
    the user named; without it `PIPLAN_CONFIG`, then the default one, which may be missing.

    Raises:
        SettingsInvalid: the file is missing or not TOML, a name is unknown, or a value is not what it must be.
    """
    environ = os.environ if environ is None else environ
    if config_file is None and environ.get("PIPLAN_CONFIG"):
        config_file = Path(environ["PIPLAN_CONFIG"]).expanduser()
    chosen: dict[str, _Chosen] = {}
    problems: list[str] = []
    if file := _read_file(config_file):
        for name, value in file.values.items():
            if name in Settings.model_fields:
                chosen[name] = _Chosen(_from_folder(name, value, file.path.parent), file.place(name))
            else:
                problems.append(f"{file.place(name)}: unknown setting {_suggested(name)}")
        for name, wrong in _table_problems(file.values):
            chosen.pop(name, None)  # said already, and more exactly
            problems += [f"{file.place(*path)}: {said}" for path, said in wrong]
    for name in Settings.model_fields:
        if name in ONLY_IN_FILE:
            continue
        if value := environ.get(variable(name)):
            chosen[name] = _Chosen(value, variable(name))
    for name, value in (flags or {}).items():
        chosen[name] = _Chosen(value, f"--{name.replace('_', '-')}")
    if no_theme := _theme_problem(chosen.get("theme")):
        problems.append(no_theme)
    try:
        settings = Settings.model_validate({name: choice.value for name, choice in chosen.items()})
    except ValidationError as invalid:
        for name in dict.fromkeys(str(error["loc"][0]) for error in invalid.errors()):
            choice = chosen[name]
            said = printable(repr(choice.value) if not isinstance(choice.value, str) else choice.value)
            problems.append(f'{choice.place}: {name} is "{said}", but must be {EXPECTED[name]}')
        raise SettingsInvalid(problems) from None
    if problems:
        raise SettingsInvalid(problems)
    return settings


def _theme_problem(choice: _Chosen | None) -> str:
    if choice is None or not choice.value or not isinstance(choice.value, str):
        return ""
    # only who names a theme needs to know which there are
    from piplan_tui.tui.themes import THEME_NAMES

    if choice.value in THEME_NAMES:
        return ""
    near = difflib.get_close_matches(choice.value, THEME_NAMES, n=1)
    guess = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(THEME_NAMES)}"
    return f'{choice.place}: there is no theme "{printable(choice.value)}"; {guess}'


def _table_problems(values: dict[str, Any]) -> Iterator[tuple[str, list[Problem]]]:
    """The tables of the file that cannot be used, with what is wrong in them."""
    agents = values.get("agents", {})
    if wrong := agent_tables.problems_of(agents):
        yield "agents", wrong
    own = tuple(agents) if isinstance(agents, dict) else ()
    if "steps" in values and (wrong := step_rules.problems_of(values["steps"], own)):
        yield "steps", wrong
    if "notify" in values and (wrong := screen_tables.notify_problems(values["notify"])):
        yield "notify", wrong
    if "keys" in values:
        # only who has such a table needs to know what the terminal view can do
        from piplan_tui.tui.all_keys import default_keys, offered_together, used_while_typing

        wrong = screen_tables.keys_problems(
            values["keys"], default_keys(), offered_together(), used_while_typing()
        )
        if wrong:
            yield "keys", wrong


@dataclass(frozen=True, slots=True)
class _Chosen:
    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class _ConfigFile:
    path: Path
    text: str
    values: dict[str, Any]

    def place(self, *keys: str) -> str:
        """`file:line` of a key or table, by the keys that lead to it from the top."""
        return f"{printable(str(self.path))}:{_line_of(self.text, *keys)}"


def _read_file(named: Path | None) -> _ConfigFile | None:
    path = named or default_config_file()
    shown = printable(str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if named is None:
            return None
        raise SettingsInvalid([f"{shown}: there is no such config file"]) from None
    except UnicodeDecodeError:
        raise SettingsInvalid([f"{shown}: not a text file in UTF-8"]) from None
    except OSError as error:
        raise SettingsInvalid([f"{shown}: cannot be read ({error.strerror})"]) from None
    try:
        return _ConfigFile(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalid([_syntax_problem(shown, text, str(error))]) from None


def _syntax_problem(shown: str, text: str, said: str) -> str:
    what, _, where = said.partition(" (at ")
    if where.startswith("line "):
        line, _, column = where.removeprefix("line ").rstrip(")").partition(", column ")
        return f"{shown}:{line}:{column}: not TOML: {what}"
    return f"{shown}:{text.count(chr(10)) + 1}: not TOML: {what}"


def _line_of(text: str, *keys: str) -> int:
    """The line on which the statement that first names a key begins.

    Found by parsing ever longer beginnings of the file: only a parser knows strings over several lines from
    keys. That is quadratic, for a small file and only to report a mistake.
    """
    lines = text.split("\n")
    begin = 1
    for count in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(values, keys):
            return begin
        begin = count + 1
    return begin


def _has(values: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def _suggested(name: str) -> str:
    guess = difflib.get_close_matches(name.replace("-", "_").lower(), Settings.model_fields, n=1)
    return f'"{printable(name)}"' + (f'; did you mean "{guess[0]}"?' if guess else "")


def _from_folder(name: str, value: Any, folder: Path) -> Any:
    """Paths in the config file are relative to it, wherever the program is started."""
    if not isinstance(value, str) or not value or name not in ("workspace", "store") or value == "memory":
        return value
    return str(folder.absolute() / Path(value).expanduser())
