"""Every command of the terminal interface, once: key bindings, help and palette are made from this list."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

from piplan_tui.tui.refusals import (
    ActionContext,
    Refusal,
    always,
    at_home,
    cannot_answer,
    cannot_delete,
    cannot_edit,
    cannot_pause,
    cannot_resume,
    cannot_retry,
    cannot_skip,
    cannot_start,
    cannot_steer,
    cannot_stop,
    elsewhere_asked,
    elsewhere_failed,
    no_ask,
    no_demo,
    no_failure,
    no_log,
    no_result,
    no_search,
    no_step,
    nothing_chosen,
    says_more,
    worth_a_retry,
)

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
    refusal: Refusal = always
    offered: Callable[[ActionContext], bool] = lambda context: True
    """Whether the key bar shows it where it can be given."""
    opens: bool = False
    """Whether it puts the focus into a field or on another screen: what is typed next is for that."""

    @property
    def textual_action(self) -> str:
        return self.command or f"do('{self.id}')"


# -- the list --------------------------------------------------------------------------------------

ACTIONS: tuple[Action, ...] = (
    Action("tree.down", "j,down", "Down", "Next row", "tree", "move(1)", bar="move"),
    Action("tree.up", "k,up", "Up", "Previous row", "tree", "move(-1)"),
    Action("tree.half_down", "ctrl+d", "Half a page down", "", "tree", "page(0.5)"),
    Action("tree.half_up", "ctrl+u", "Half a page up", "", "tree", "page(-0.5)"),
    Action("tree.page_down", "pagedown", "Page down", "", "tree", "page(1)"),
    Action("tree.page_up", "pageup", "Page up", "", "tree", "page(-1)"),
    Action("tree.first", "g,home", "First row", "", "tree", "first"),
    Action(
        "tree.last",
        "G,end",
        "Last row, follow",
        "On from there to what starts or asks next",
        "tree",
        "last",
    ),
    Action("tree.in", "l,right", "Unfold", "Unfold a phase or a running step, then go in", "tree", "unfold"),
    Action("tree.out", "h,left", "Fold", "Fold the step or its phase", "tree", "fold"),
    Action(
        "tree.open",
        "enter",
        "Open",
        "Open the step, fold or unfold a phase",
        "tree",
        "open",
        bar="open",
        opens=True,
    ),
    Action(
        "run.result",
        "R",
        "Result of the run",
        "What a workflow returned, or why it failed and how to go on",
        "run",
        bar="result",
        refusal=no_result,
        offered=says_more,
        opens=True,
    ),
    Action(
        "run.answer",
        "a",
        "Answer the question",
        "Go to the question of this step, or to the first one",
        "run",
        bar="answer",
        refusal=cannot_answer,
        opens=True,
    ),
    Action(
        "run.next_ask",
        "right_square_bracket",
        "Next question",
        "Go to the next step that needs you",
        "run",
        bar="next question",
        refusal=no_ask,
        offered=elsewhere_asked,
    ),
    Action(
        "run.previous_ask",
        "left_square_bracket",
        "Previous question",
        "Go to the previous step that needs you",
        "run",
        refusal=no_ask,
    ),
    Action(
        "run.stop",
        "x",
        "Stop step or run",
        "Says what is lost, and asks",
        "run",
        bar="stop",
        refusal=cannot_stop,
        opens=True,
    ),
    Action(
        "run.skip",
        "X",
        "Go on without this step",
        "Says which steps then run without its files, and asks",
        "run",
        refusal=cannot_skip,
        opens=True,
    ),
    Action(
        "run.pause",
        "p",
        "Pause or resume",
        "Start no new steps; what runs goes on to its end",
        "run",
        bar="pause",
        refusal=cannot_pause,
    ),
    Action(
        "run.retry",
        "r",
        "Retry",
        "Same, edited goal, other agent or model, or all downstream; on a phase, what failed in it",
        "run",
        bar="retry",
        refusal=cannot_retry,
        offered=worth_a_retry,
        opens=True,
    ),
    Action(
        "run.steer",
        "s",
        "Steer",
        "Tell a running agent something",
        "run",
        bar="steer",
        refusal=cannot_steer,
        opens=True,
    ),
    Action(
        "run.edit",
        "e",
        "Edit the goal",
        "Of a step that has not been tried, for this run only",
        "run",
        bar="edit",
        refusal=cannot_edit,
        opens=True,
    ),
    Action(
        "run.next_failure",
        "E",
        "Next failure",
        "Go to the next failed step",
        "run",
        bar="next failure",
        refusal=no_failure,
        offered=elsewhere_failed,
    ),
    Action(
        "run.more",
        "plus",
        "More in every row",
        "Titles too, and numbers also where there is little room",
        "run",
    ),
    Action("run.less", "minus", "Less in every row", "No numbers, so that reasons have more room", "run"),
    Action(
        "run.filter",
        "f",
        "Filter by state",
        "Running, needs you, failed, blocked, stopped, pending, done; Esc shows all",
        "run",
    ),
    Action("run.follow", "F", "Follow", "Keep the cursor on what runs", "run"),
    Action("run.fold_finished", "z", "Fold finished phases", "On or off", "run"),
    Action(
        "run.search",
        "slash",
        "Find a step",
        "By id or title; n and N for the others",
        "run",
        bar="find",
        opens=True,
    ),
    Action("run.next_match", "n", "Next match", "", "run", bar="next match", refusal=no_search),
    Action("run.previous_match", "N", "Previous match", "", "run", refusal=no_search),
    Action(
        "run.timeline",
        "t",
        "Timeline",
        "What took how long, and what waited for you",
        "run",
        bar="timeline",
        opens=True,
    ),
    Action(
        "run.log",
        "L",
        "Full log",
        "What the agent says and does, on the whole screen",
        "run",
        refusal=no_log,
        opens=True,
    ),
    Action(
        "run.peek",
        "space",
        "Peek",
        "A quick look at what the step says, or what came of it; Space closes",
        "run",
        bar="peek",
        refusal=no_step,
        opens=True,
    ),
    Action(
        "run.open_file",
        "o",
        "Open a file of the step",
        "Its result, its log, what it left: in $EDITOR or $PAGER",
        "run",
        refusal=no_log,
        opens=True,
    ),
    Action("run.copy", "y", "Copy", "The step's id or result, what the run gave", "run", opens=True),
    Action("detail.tab_1", "1", "Input", "The question and its form", "detail", "tab(1)"),
    Action("detail.tab_2", "2", "Output", "What the agent says and does, live", "detail", "tab(2)"),
    Action("detail.tab_3", "3", "Tools", "Tool calls", "detail", "tab(3)"),
    Action("detail.tab_4", "4", "Prompt and context", "What the step was given", "detail", "tab(4)"),
    Action("detail.tab_5", "5", "Result and files", "What the step left", "detail", "tab(5)"),
    Action("detail.tab_6", "6", "Attempts", "Every try, side by side", "detail", "tab(6)"),
    Action(
        "detail.back",
        "escape",
        "Back",
        "Out one level, from a run to all runs; never quits",
        "detail",
        bar="back",
    ),
    Action("log.back", "escape,L", "Back", "To the run", "log", bar="back"),
    Action(
        "log.search",
        "slash",
        "Find in the log",
        "n and N for the other places",
        "log",
        bar="find",
        opens=True,
    ),
    Action("log.next_match", "n", "Next match", "", "log", bar="next match", refusal=no_search),
    Action("log.previous_match", "N", "Previous match", "", "log", refusal=no_search),
    Action("timeline.back", "escape,t", "Back", "To the run", "timeline", bar="back"),
    Action("timeline.steps", "plus", "All steps", "A bar for every step", "timeline", bar="all steps"),
    Action("timeline.phases", "minus", "Phases", "A bar for every phase", "timeline", bar="phases"),
    Action("plan.start", "enter", "Start the run", "", "plan", bar="start", refusal=cannot_start),
    Action("plan.back", "escape", "Back", "To the list of plans and runs; never quits", "plan"),
    Action("home.open", "enter", "Open", "A plan, or a run", "home", bar="open", refusal=nothing_chosen),
    Action(
        "home.resume",
        "r",
        "Resume the run",
        "Go on with a run that was left; of one that failed or was stopped, says what is tried again",
        "home",
        bar="resume",
        refusal=cannot_resume,
    ),
    Action(
        "home.delete",
        "d,delete",
        "Delete the run",
        "Says what goes away, and asks; never one that is going on",
        "home",
        bar="delete",
        refusal=cannot_delete,
        opens=True,
    ),
    Action("home.filter", "slash", "Filter", "By id, title, state or file", "home", bar="filter", opens=True),
    Action("home.back", "escape", "Show all", "Ends the filter; never quits", "home"),
    Action(
        "home.demo",
        "t",
        "Try the demonstration",
        "A plan that asks and fails: no model, no key",
        "home",
        bar="try the demo",
        refusal=no_demo,
    ),
    Action("home.refresh", "ctrl+r", "Look again", "Read runs and plans again", "home"),
    Action(
        "app.palette", "colon,ctrl+p", "Commands", "Every command by name", "app", bar="commands", opens=True
    ),
    Action(
        "app.home",
        "H",
        "Home: all runs",
        "Runs of this process go on; Enter there goes back to one",
        "app",
        refusal=at_home,
    ),
    Action("app.mouse", "m", "Mouse off or on", "Off, the terminal selects text itself", "app"),
    Action("app.redraw", "ctrl+l", "Draw anew", "The whole screen, when something wrote over it", "app"),
    Action("app.help", "question_mark", "Keys", "All keys", "app", bar="keys", opens=True),
    Action("app.quit", "q", "Leave", "Asks first while a run is going on", "app", bar="leave", opens=True),
    Action("app.interrupt", "ctrl+c", "Copy or leave", "Copies selected text; else as q", "app"),
)

BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}
OPENERS = frozenset(("transcript.search", *(action.id for action in ACTIONS if action.opens)))
"""Ids of the bindings after which keys are for what opens."""
MOVERS = frozenset(action.id for action in ACTIONS if action.where == "tree" and action.id != "tree.open")
"""Ids of the bindings that only move the cursor in the tree: many of them may come at once."""


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
