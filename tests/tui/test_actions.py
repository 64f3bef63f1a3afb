"""The list of commands is whole and says what is true."""

from __future__ import annotations

from collections import defaultdict

import pytest

from piplan_tui.run import events as ev
from piplan_tui.tui.actions import ACTIONS, BY_ID, actions_for
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.key_names import all_keys, first_key, key_name
from piplan_tui.tui.refusals import ActionContext, HomeChoice
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.log import LogScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.screens.timeline import TimelineScreen
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.support.scenes import deck

SCREENS = (RunScreen, DetailScreen, PlanScreen, HomeScreen, LogScreen, TimelineScreen)


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(ACTIONS)


@pytest.mark.parametrize("screen", SCREENS)
def test_every_command_of_a_screen_is_carried_out_somewhere(screen: type[ActionScreen]) -> None:
    for action in actions_for(*screen.PLACES):
        if action.where == "tree":
            assert hasattr(RunTree, f"action_{action.command.partition('(')[0]}")
        elif action.command:
            assert hasattr(screen, f"action_{action.command.partition('(')[0]}")
        elif action.id not in screen.LEFT_OUT or action.where != "tree":
            name = f"do_{action.id.partition('.')[2]}"
            # the screen of a step hands commands about the run down to the run's own
            below = RunScreen if screen is DetailScreen and action.where == "run" else screen
            assert any(hasattr(owner, name) for owner in (screen, below, PiplanApp)), action.id


@pytest.mark.parametrize("screen", SCREENS)
def test_no_key_means_two_things(screen: type[ActionScreen]) -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for action in actions_for(*screen.PLACES):
        if action.id not in screen.LEFT_OUT or action.id == "detail.back":
            for key in action.keys.split(","):
                meanings[key].add(action.id)
    assert {key: ids for key, ids in meanings.items() if len(ids) > 1} == {}


def test_refusals_are_sentences_without_a_full_stop() -> None:
    run = deck()
    for found in [*run.state.order, None]:
        for action in ACTIONS:
            refusal = action.refusal(ActionContext(state=run.state, step=found))
            assert not refusal.endswith(".")
    elsewhere = ActionContext(state=run.state, step=run.state.order[0], refused="owned by pid 7")
    for name in ("run.stop", "run.pause", "run.retry", "run.skip", "run.answer"):
        assert BY_ID[name].refusal(elsewhere) == "owned by pid 7"


def test_what_can_be_done_follows_the_state() -> None:
    run = deck()
    steps = run.state.steps

    def refused(action: str, step_id: str) -> str:
        return BY_ID[action].refusal(ActionContext(state=run.state, step=steps[step_id]))

    assert refused("run.retry", "interviews") == ""
    assert refused("run.retry", "survey") == "survey has not been tried yet"
    assert refused("run.skip", "scope") == "scope is already completed"
    run.emit(ev.RunCancelled())
    assert "cancelled" in refused("run.pause", "scope")
    assert "nothing runs" in refused("run.stop", "scope")


def test_key_names() -> None:
    assert key_name("ctrl+p") == "Ctrl-p"
    assert key_name("right_square_bracket") == "]"
    assert first_key("run.pause", {"run.pause": "b"}) == "b"
    assert all_keys(BY_ID["app.palette"]) == ": Ctrl-p"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [("cancelled", ""), ("failed", ""), ("paused", ""), ("completed", "r1 is completed")],
)
def test_what_is_left_of_a_run_can_be_taken_up_from_the_list(status: str, refusal: str) -> None:
    chosen = ActionContext(home=HomeChoice(run_id="r1", status=status, anything=True))
    assert BY_ID["home.resume"].refusal(chosen) == refusal
