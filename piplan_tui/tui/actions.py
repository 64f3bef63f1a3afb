"""Every command of the terminal interface, once: key bindings, help and palette are made from this list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

from piplan_tui.run.state import HOLDS_SLOT, RUN_ENDED, TERMINAL, RunState, StepState
from piplan_tui.views.line import one_line

Where = Literal["app", "home", "plan", "run", "tree", "detail", "timeline", "log"]

HEADINGS: dict[Where, str] = {
    "tree": "Move",
    "run": "Run",
    "detail": "Step",
    "timeline": "Timeline",
    "log": "Log",
    "plan": "Plan",
    "home": "Start",
    "app": "Everywhere",
}


@dataclass(frozen=True)
class HomeChoice:
    """What is under the cursor of the list to begin with; `status` is a run's state as it is now."""

    run_id: str = ""
    status: str = ""
    is_live: bool = False
    has_demo: bool = False
    anything: bool = False


@dataclass(frozen=True)
class ActionContext:
    """What a command is about when it is asked for."""

    state: RunState | None = None
    step: StepState | None = None
    refused: str = ""
    """Why nothing can be done to this run from here; empty when it can."""
    can_start: bool = False
    home: HomeChoice = HomeChoice()


Refusal = Callable[[ActionContext], str]
"""A sentence for `with_keys`, or nothing."""


def _always(context: ActionContext) -> str:
    return ""


@dataclass(frozen=True)
class Action:
    """A command: `refusal` says in a sentence why it cannot be done now, or nothing."""

    id: str
    keys: str
    title: str
    tooltip: str
    where: Where
    command: str = ""
    bar: str = ""
    """Its label in the key bar; empty when it is not shown there."""
    refusal: Refusal = _always
    offered: Callable[[ActionContext], bool] = lambda context: True
    """Whether the key bar shows it where it can be given."""

    @property
    def textual_action(self) -> str:
        return self.command or f"do('{self.id}')"


# -- when a command can be given -------------------------------------------------------------------


def _no_step(context: ActionContext) -> str:
    return "" if context.step is not None else "select a step first"


def _no_run(context: ActionContext) -> str:
    if context.state is None:
        return "there is no run"
    return context.refused


def _cannot_retry(context: ActionContext) -> str:
    if (refused := _no_run(context)) or context.state is None:
        return refused
    step = context.step
    if step is None:
        if context.state.counts.get("failed") or context.state.counts.get("cancelled"):
            return ""
        return "no step failed or was stopped, so there is nothing to retry"
    if step.status in ("running", "retrying"):
        return f"{one_line(step.id)} is running; stop it before it is tried again"
    if step.status in ("pending", "queued", "blocked"):
        return f"{one_line(step.id)} has not been tried yet"
    return ""


def _has_failed(context: ActionContext) -> bool:
    return context.step is None or context.step.status in ("failed", "cancelled")


def _cannot_skip(context: ActionContext) -> str:
    if refused := _no_run(context) or _no_step(context):
        return refused
    step = context.step
    if step is not None and step.status in ("completed", "reused", "skipped"):
        return f"{one_line(step.id)} is already {step.status}"
    if step is not None and step.status in ("running", "retrying"):
        return f"{one_line(step.id)} is running; stop it first"
    return ""


def _cannot_stop(context: ActionContext) -> str:
    if (refused := _no_run(context)) or context.state is None:
        return refused
    if context.state.cancelling:
        return "the run is being stopped already"
    if context.state.ended and (context.step is None or context.step.status in TERMINAL):
        return f"the run is {context.state.status}; nothing runs"
    return ""


def _cannot_pause(context: ActionContext) -> str:
    if (refused := _no_run(context)) or context.state is None:
        return refused
    if context.state.ended:
        return f"the run is {context.state.status}; " + "{run.retry} retries a step"
    if context.state.cancelling:
        return "the run is being stopped"
    return ""


def _no_log(context: ActionContext) -> str:
    if refused := _no_step(context):
        return refused
    step = context.step
    return (
        "" if step is None or step.attempts else f"{one_line(step.id)} has not been tried, so it has no log"
    )


def _cannot_steer(context: ActionContext) -> str:
    if refused := _no_run(context) or _no_step(context):
        return refused
    step = context.step
    if step is not None and step.status not in HOLDS_SLOT:
        return f"{one_line(step.id)} does not run, so there is nobody to tell"
    return ""


def _cannot_edit(context: ActionContext) -> str:
    if refused := _no_run(context) or _no_step(context):
        return refused
    step = context.step
    if step is None or (step.status in ("pending", "queued", "blocked") and not step.attempts):
        return ""
    if step.status in HOLDS_SLOT:
        return f"{one_line(step.id)} is running; " + "{run.steer} tells its agent something"
    return f"{one_line(step.id)} has been tried; " + "{run.retry} tries it again with an edited goal"


def _no_ask(context: ActionContext) -> str:
    if context.state is None or not context.state.asks:
        return "no question is open"
    return ""


def _cannot_answer(context: ActionContext) -> str:
    return _no_ask(context) or context.refused


def _no_failure(context: ActionContext) -> str:
    return "" if context.state and context.state.counts.get("failed") else "no step has failed"


def _cannot_start(context: ActionContext) -> str:
    return "" if context.can_start else "the plan has problems; mend them and it is read again"


def _nothing_chosen(context: ActionContext) -> str:
    return "" if context.home.anything else "there is nothing to open"


def _cannot_resume(context: ActionContext) -> str:
    home = context.home
    if not home.run_id:
        return "choose a run first; a plan is started with {home.open}"
    if home.is_live:
        return f"{one_line(home.run_id)} goes on already; " + "{home.open} shows it"
    if home.status in RUN_ENDED:
        again = "" if home.status == "completed" else "; open it, and retry what failed"
        return f"{one_line(home.run_id)} is {home.status}{again}"
    return ""


def _cannot_delete(context: ActionContext) -> str:
    home = context.home
    if not home.run_id:
        return "choose a run first; files of plans are not deleted here"
    if home.is_live:
        return f"{one_line(home.run_id)} is going on; stop it first"
    return ""


def _no_demo(context: ActionContext) -> str:
    return "" if context.home.has_demo else "there is no demonstration here"


# -- the list --------------------------------------------------------------------------------------

ACTIONS: tuple[Action, ...] = (
    Action("tree.down", "j,down", "Down", "Next row", "tree", "move(1)", bar="move"),
    Action("tree.up", "k,up", "Up", "Previous row", "tree", "move(-1)"),
    Action("tree.half_down", "ctrl+d", "Half a page down", "", "tree", "page(0.5)"),
    Action("tree.half_up", "ctrl+u", "Half a page up", "", "tree", "page(-0.5)"),
    Action("tree.page_down", "pagedown", "Page down", "", "tree", "page(1)"),
    Action("tree.page_up", "pageup", "Page up", "", "tree", "page(-1)"),
    Action("tree.first", "g,home", "First row", "", "tree", "first"),
    Action("tree.last", "G,end", "Last row, follow", "Follow what runs again", "tree", "last"),
    Action("tree.in", "l,right", "Unfold", "Unfold a phase, then go in", "tree", "unfold"),
    Action("tree.out", "h,left", "Fold", "Fold the phase", "tree", "fold"),
    Action("tree.open", "enter", "Open", "Open the step, fold or unfold a phase", "tree", "open", bar="open"),
    Action(
        "run.answer",
        "a",
        "Answer the question",
        "Go to the question of this step, or to the first one",
        "run",
        bar="answer",
        refusal=_cannot_answer,
    ),
    Action(
        "run.next_ask",
        "right_square_bracket",
        "Next question",
        "Go to the next step that needs you",
        "run",
        bar="next question",
        refusal=_no_ask,
    ),
    Action(
        "run.previous_ask",
        "left_square_bracket",
        "Previous question",
        "Go to the previous step that needs you",
        "run",
        refusal=_no_ask,
    ),
    Action(
        "run.stop",
        "x",
        "Stop step or run",
        "Says what is lost, and asks",
        "run",
        bar="stop",
        refusal=_cannot_stop,
    ),
    Action(
        "run.skip",
        "X",
        "Go on without this step",
        "The steps after it may run, without its files",
        "run",
        refusal=_cannot_skip,
    ),
    Action(
        "run.pause",
        "p",
        "Pause or resume",
        "Start no new steps; what runs goes on to its end",
        "run",
        bar="pause",
        refusal=_cannot_pause,
    ),
    Action(
        "run.retry",
        "r",
        "Retry",
        "Same, edited goal, other agent or model, or all downstream; on a phase, all that failed",
        "run",
        bar="retry",
        refusal=_cannot_retry,
        offered=_has_failed,
    ),
    Action(
        "run.steer",
        "s",
        "Steer",
        "Tell a running agent something",
        "run",
        bar="steer",
        refusal=_cannot_steer,
    ),
    Action(
        "run.edit",
        "e",
        "Edit the goal",
        "Of a step that has not been tried, for this run only",
        "run",
        bar="edit",
        refusal=_cannot_edit,
    ),
    Action("run.next_failure", "E", "Next failure", "Go to the next failed step", "run", refusal=_no_failure),
    Action(
        "run.more",
        "plus",
        "More in every row",
        "Titles too, and numbers also where there is little room",
        "run",
    ),
    Action("run.less", "minus", "Less in every row", "No numbers, so that reasons have more room", "run"),
    Action("run.filter", "f", "Filter by state", "All, running, needs you, failed, pending, done", "run"),
    Action("run.follow", "F", "Follow", "Keep the cursor on what runs", "run"),
    Action("run.fold_finished", "z", "Fold finished phases", "On or off", "run"),
    Action("run.search", "slash", "Find a step", "By id or title; n and N for the others", "run", bar="find"),
    Action("run.next_match", "n", "Next match", "", "run"),
    Action("run.previous_match", "N", "Previous match", "", "run"),
    Action(
        "run.timeline", "t", "Timeline", "What took how long, and what waited for you", "run", bar="timeline"
    ),
    Action(
        "run.log",
        "L",
        "Full log",
        "What the agent says and does, on the whole screen",
        "run",
        refusal=_no_log,
    ),
    Action(
        "run.peek",
        "space",
        "Peek",
        "A quick look at what the step says, or what came of it; Space closes",
        "run",
        bar="peek",
        refusal=_no_step,
    ),
    Action(
        "run.open_file",
        "o",
        "Open a file of the step",
        "Its result, its log, what it left: in $EDITOR or $PAGER",
        "run",
        refusal=_no_log,
    ),
    Action("run.copy", "y", "Copy", "The step's id, or the path of its result", "run"),
    Action("detail.tab_1", "1", "Input", "The question and its form", "detail", "tab(1)"),
    Action("detail.tab_2", "2", "Output", "What the agent says and does, live", "detail", "tab(2)"),
    Action("detail.tab_3", "3", "Tools", "Tool calls", "detail", "tab(3)"),
    Action("detail.tab_4", "4", "Prompt and context", "What the step was given", "detail", "tab(4)"),
    Action("detail.tab_5", "5", "Result and files", "What the step left", "detail", "tab(5)"),
    Action("detail.tab_6", "6", "Attempts", "Every try, side by side", "detail", "tab(6)"),
    Action("detail.back", "escape", "Back", "Out one level; never quits", "detail", bar="back"),
    Action("log.back", "escape,L", "Back", "To the run", "log", bar="back"),
    Action("log.search", "slash", "Find in the log", "n and N for the other places", "log", bar="find"),
    Action("log.next_match", "n", "Next match", "", "log", bar="next match"),
    Action("log.previous_match", "N", "Previous match", "", "log"),
    Action("timeline.back", "escape,t", "Back", "To the run", "timeline", bar="back"),
    Action("timeline.steps", "plus", "All steps", "A bar for every step", "timeline", bar="all steps"),
    Action("timeline.phases", "minus", "Phases", "A bar for every phase", "timeline", bar="phases"),
    Action("plan.start", "enter", "Start the run", "", "plan", bar="start", refusal=_cannot_start),
    Action("plan.back", "escape", "Back", "To the list of plans and runs; never quits", "plan"),
    Action("home.open", "enter", "Open", "A plan, or a run", "home", bar="open", refusal=_nothing_chosen),
    Action(
        "home.resume",
        "r",
        "Resume the run",
        "Go on with a run that was left, or whose process is gone",
        "home",
        bar="resume",
        refusal=_cannot_resume,
    ),
    Action(
        "home.delete",
        "d,delete",
        "Delete the run",
        "Says what goes away, and asks; never one that is going on",
        "home",
        bar="delete",
        refusal=_cannot_delete,
    ),
    Action("home.filter", "slash", "Filter", "By id, title, state or file", "home", bar="filter"),
    Action("home.back", "escape", "Show all", "Ends the filter; never quits", "home"),
    Action(
        "home.demo",
        "t",
        "Try the demonstration",
        "A plan that asks and fails: no model, no key",
        "home",
        bar="try the demo",
        refusal=_no_demo,
    ),
    Action("home.refresh", "ctrl+r", "Look again", "Read runs and plans again", "home"),
    Action("app.palette", "colon,ctrl+p", "Commands", "Every command by name", "app", bar="commands"),
    Action("app.mouse", "m", "Mouse off or on", "Off, the terminal selects text itself", "app"),
    Action("app.help", "question_mark", "Keys", "All keys", "app", bar="keys"),
    Action("app.quit", "q", "Leave", "Asks first while a run is going on", "app", bar="leave"),
    Action("app.interrupt", "ctrl+c", "Copy or leave", "Copies selected text; else as q", "app"),
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}


def actions_for(*places: Where) -> list[Action]:
    """The commands of these places, in the order of the list."""
    return [action for action in ACTIONS if action.where in places]


def bindings_for(*places: Where, without: Set[str] = frozenset()) -> list[BindingType]:
    """Key bindings for a screen or widget. Each has the action's id, by which a keymap can replace its keys."""
    return [_binding(action) for action in actions_for(*places) if action.id not in without]


def _binding(action: Action) -> Binding:
    return Binding(
        action.keys,
        action.textual_action,
        action.title,
        show=False,
        tooltip=action.tooltip,
        id=action.id,
    )


_NAMES = {
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "plus": "+",
    "minus": "-",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "space": "Space",
    "delete": "Del",
}


def key_name(key: str) -> str:
    """A key as people read it: `ctrl+p` is `Ctrl-p`."""
    *modifiers, last = key.split("+")
    return "-".join([*(modifier.capitalize() for modifier in modifiers), _NAMES.get(last, last)])


def keymap_of(app: object) -> Mapping[str, str]:
    """The keys that the user chose, by action id."""
    keymap: Mapping[str, str] = getattr(app, "keys_by_id", {})
    return keymap


def first_key(action_id: str, keymap: Mapping[str, str] | None = None) -> str:
    """The key to show for an action."""
    keys = (keymap or {}).get(action_id) or BY_ID[action_id].keys
    return key_name(keys.split(",")[0])


_NAMED_KEY = re.compile(r"\{([a-z]+\.[a-z_0-9]+)\}")


def with_keys(text: str, keymap: Mapping[str, str] | None = None) -> str:
    """`text` with the key in place of each command that it names, such as `{run.retry}`."""

    def key(found: re.Match[str]) -> str:
        return first_key(found[1], keymap) if found[1] in BY_ID else found[0]

    return _NAMED_KEY.sub(key, text)


def all_keys(action: Action, keymap: Mapping[str, str] | None = None) -> str:
    """Every key of an action."""
    return keys_shown(action.id, action.keys, keymap)


def keys_shown(binding_id: str, default: str, keymap: Mapping[str, str] | None = None) -> str:
    """Every key of a binding, which by default has the keys `default`, as people read them."""
    keys = (keymap or {}).get(binding_id) or default
    return " ".join(key_name(key) for key in keys.split(","))


def bar_actions(actions: Iterable[Action], context: ActionContext) -> list[Action]:
    """What the key bar offers: commands with a label that can be given now."""
    return [
        action for action in actions if action.bar and action.offered(context) and not action.refusal(context)
    ]
