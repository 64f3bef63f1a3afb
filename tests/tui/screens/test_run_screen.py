"""What keys do on the run screen. The run is a double of its process side; its state is real."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TextArea

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.config.screen_tables import Desktop, Notify
from piplan_tui.run import events as ev
from piplan_tui.run.budget import budget_request
from piplan_tui.tui.app import MOUSE_OFF, MOUSE_ON, PiplanApp
from piplan_tui.tui.leaving import TuiResult
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.help import HelpScreen
from piplan_tui.tui.screens.log import LogScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.screens.timeline import TimelineScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_tree import RunTree
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.tui.widgets.tab_bar import TabBar
from piplan_tui.tui.widgets.timeline_view import TimelineView
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from piplan_tui.views.questions import ask_order
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, app_on, deck, long_run

pytestmark = pytest.mark.anyio
NARROW, WIDE = (80, 24), (120, 40)


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


@asynccontextmanager
async def shown(
    run: RunDouble, size: tuple[int, int] = NARROW
) -> AsyncIterator[tuple[Pilot[Any], RunScreen]]:
    app = app_on(run)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        yield pilot, screen


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def until(pilot: Pilot[Any], what: Callable[[], object]) -> None:
    """Wait for something that a flush (at most ten a second) brings about."""
    for _ in range(500):
        if what():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never happened")


def said(app: PiplanApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_stopping_a_step_is_asked_and_says_what_is_lost() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("x")
        dialog = pilot.app.screen
        assert isinstance(dialog, ChoiceDialog)
        assert "5m16s, 1.2k tokens, $0.01" in str(dialog.query_one("#dialog-body").render())
        await pilot.press("enter")
        await settle(pilot)
        assert run.asked == []
        await pilot.press("x", "S")
        await settle(pilot)
        assert run.asked == [("cancel_step", "pricing")]
        await pilot.press("x", "R")
        await settle(pilot)
        assert run.asked[-1] == ("cancel",)


@pytest.mark.parametrize(
    ("key", "step", "asked"),
    [
        ("p", "pricing", ("pause",)),
    ],
)
async def test_keys_steer_the_run(key: str, step: str, asked: tuple[str, ...]) -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step(step)
        await pilot.press(key)
        await settle(pilot)
        assert run.asked == [asked]


async def retry_menu(pilot: Pilot[Any], screen: RunScreen, step: str) -> str:
    screen.run_tree.select_step(step)
    await pilot.press("r")
    await settle(pilot)
    assert isinstance(pilot.app.screen, ChoiceDialog)
    return str(pilot.app.screen.query_one("#dialog-body").render())


async def test_the_retry_menu_says_first_what_runs_again_and_what_is_kept() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        told = await retry_menu(pilot, screen, "interviews")
        assert told.splitlines() == [
            "Runs again: interviews (attempt 2)",
            "May start after it: survey, check-audience, check-numbers, synthesize",
            "Reads as before: scope",
            "The results of 2 steps are kept as they are.",
        ]
        assert run.asked == []
        await pilot.press("y")
        await settle(pilot)
        assert run.asked == [("retry", "interviews")]


async def test_a_retry_with_everything_downstream_names_what_runs_again() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        told = await retry_menu(pilot, screen, "scope")
        assert "Keeps what was made of its old result: outline, interviews" in told
        await pilot.press("w")
        await settle(pilot)
        assert run.asked == [("retry", "scope", {"with_downstream": True})]


async def test_a_retry_with_an_edited_goal() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        await retry_menu(pilot, screen, "interviews")
        await pilot.press("g")
        await settle(pilot)
        area = pilot.app.screen.query_one(TextArea)
        assert area.text == run.state.steps["interviews"].goal
        area.clear()
        await pilot.press("ctrl+s")
        assert run.asked == []
        assert "needs a goal" in str(pilot.app.screen.query_one("#dialog-problem").render())
        await pilot.press(*"only five", "ctrl+s")
        await settle(pilot)
        assert run.asked == [("retry", "interviews", {"goal": "only five"})]


async def test_a_retry_with_another_agent_or_model() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        await retry_menu(pilot, screen, "interviews")
        await pilot.press("a")
        await settle(pilot)
        agent, model = pilot.app.screen.query(Input)
        assert agent.value == "pi"
        agent.value = "gpt"
        await pilot.press("enter")
        assert '"gpt" is no agent' in str(pilot.app.screen.query_one("#dialog-problem").render())
        agent.value, model.value = "demo", ""
        await pilot.press("enter")
        await settle(pilot)
        assert run.asked == [("retry", "interviews", {"agent": "demo", "model": ""})]


async def test_steering_tells_the_agent_or_says_that_it_cannot_be_told() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("s", *"only EUR", "enter")
        await settle(pilot)
        assert run.asked == [("steer", "pricing", "only EUR")]
        assert said(pilot.app) == ["Told pricing"]
        run.told = "queued"
        await pilot.press("s", "x", "enter")
        await settle(pilot)
        assert said(pilot.app)[-1] == "Told pricing; it hears it when its turn ends"
        run.told = ""
        await pilot.press("s", "x", "enter")
        await settle(pilot)
        assert "cannot be told anything now" in said(pilot.app)[-1]
        screen.run_tree.select_step("scope")
        await pilot.press("s")
        await settle(pilot)
        assert "does not run" in said(pilot.app)[-1]


async def test_the_goal_of_a_step_that_was_not_tried_can_be_edited() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("survey")
        await pilot.press("e")
        await settle(pilot)
        pilot.app.screen.query_one(TextArea).clear()
        await pilot.press(*"Shorter.", "ctrl+s")
        await settle(pilot)
        assert run.asked == [("edit_step", "survey", "Shorter.")]
        screen.run_tree.select_step("scope")
        await pilot.press("e")
        await settle(pilot)
        assert said(pilot.app)[-1] == "scope has been tried; r tries it again with an edited goal"


async def test_what_cannot_be_done_is_said_in_a_sentence() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("r")
        await settle(pilot)
        assert said(pilot.app) == ["pricing is running; stop it before it is tried again"]
        assert run.asked == []
        run.refuses = "the budget of 5 US dollars is spent"
        await pilot.press("p")
        await settle(pilot)
        assert said(pilot.app)[-1] == "the budget of 5 US dollars is spent"


async def test_markup_in_a_refusal_is_text() -> None:
    run = deck()
    run.refuses = "[/] [@click=app.quit]no[/]"
    async with shown(run) as (pilot, _):
        await pilot.press("p")
        await settle(pilot)
        assert said(pilot.app) == ["[/] [@click=app.quit]no[/]"]


async def test_a_question_is_answered_by_keys_under_the_tree() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        assert len(screen.query(AskPanel)) == 1
        assert screen.focused is screen.run_tree, "a question takes no keys until the user turns to it"
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("2")
        await until(pilot, lambda: run.asked)
        assert run.asked == [("answer", "ask-topic-choice", "accept", {"audience": "enterprise"})]


async def test_a_question_is_answered_beside_the_tree() -> None:
    run = deck()
    async with shown(run, WIDE) as (pilot, screen):
        await pilot.press("a")
        await settle(pilot)
        assert screen.query_one(DetailPane).query(AskPanel)
        assert not screen.query_one("#ask-slot").query(AskPanel)
        await pilot.press("1")
        await until(pilot, lambda: run.asked)
        assert run.asked == [("answer", "ask-topic-choice", "accept", {"audience": "seed"})]


async def test_a_question_is_answered_on_the_screen_of_its_step() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("topic-choice")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DetailScreen)
        assert not screen.query(AskPanel), "one form for one question"
        await until(pilot, lambda: any(p.has_focus_within for p in pilot.app.screen.query(AskPanel)))
        await pilot.press("2")
        await until(pilot, lambda: run.asked)
        assert run.asked == [("answer", "ask-topic-choice", "accept", {"audience": "enterprise"})]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_what_the_run_itself_asks_is_answered_under_the_tree(size: tuple[int, int]) -> None:
    run = deck()
    over = ev.BudgetExceeded(kind="tokens", limit=100, spent=120)
    run.emit(ev.RunAsked(ask_id="budget-9", kind="budget", about="tokens", request=budget_request(over)))
    async with shown(run, size) as (pilot, screen):
        await pilot.press("a")
        await settle(pilot)
        panel = screen.query_one("#ask-slot AskPanel", AskPanel)
        assert panel.ask.id == "budget-9"
        assert panel.has_focus_within
        await pilot.press("]")  # there is no step to go to
        await pilot.press("3", "ctrl+s")
        await until(pilot, lambda: run.asked)
        assert run.asked[0][:3] == ("answer", "budget-9", "accept")
        assert run.asked[0][3]["decision"] == "stop"


async def test_an_answered_question_makes_way_for_what_comes_of_it() -> None:
    run = deck()
    async with shown(run, WIDE) as (pilot, screen):
        await pilot.press("a")
        await settle(pilot)
        pane = screen.query_one(DetailPane)
        assert pane.tab == 1
        await pilot.press("1")
        await until(pilot, lambda: run.asked)
        run.emit(
            ev.AskAnswered(step_id="topic-choice", attempt=1, ask_id="ask-topic-choice", action="accept")
        )
        await until(pilot, lambda: pane.tab == 2 and not screen.query(AskPanel))
        assert screen.focused is screen.run_tree


@pytest.mark.parametrize(
    ("width", "label"), [(200, "3 Tools"), (120, "[2 Out]"), (100, "4 Prompt"), (80, "[2 Output]")]
)
async def test_tabs_are_named_as_far_as_there_is_room(width: int, label: str) -> None:
    async with shown(deck(asking=False), (width, 30)) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("2")
        await settle(pilot)
        bar = pilot.app.screen.query_one(TabBar)
        assert label in bar.render().plain
        assert bar.render().plain.rstrip().endswith(("Attempts", "Att")), "nothing is cut off"
        assert bar.render().cell_length <= bar.size.width + 1


async def test_a_second_question_never_replaces_the_open_one() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        first = screen.query_one(AskPanel)
        run.asks("competitors", {"message": "Run npm view?", "urgency": "high"})
        await until(pilot, lambda: screen.run_tree.state.counts.get("waiting_user") == 2)
        await settle(pilot)
        assert screen.query_one(AskPanel) is first
        assert [ask.step_id for ask in ask_order(run.state)] == ["competitors", "topic-choice"]


@pytest.mark.parametrize("size", [(80, 24), (80, 40), (60, 16)])
async def test_a_long_question_leaves_the_tree_and_its_own_hint_in_sight(size: tuple[int, int]) -> None:
    run = deck(asking=False)
    fields = [{"name": f"field-{n}", "type": "text", "label": f"Field {n}"} for n in range(30)]
    run.asks("topic-choice", {"message": "Thirty things", "fields": fields})
    async with shown(run, size) as (_, screen):
        slot = screen.query_one("#ask-slot").region
        hint = screen.query_one(".ask-hint").region
        assert screen.run_tree.size.height >= 3
        assert hint.bottom == slot.bottom == size[1] - 1, "no row is wasted, none is cut off"


async def test_a_question_put_off_comes_back_on_demand_with_its_draft() -> None:
    run = RunDouble([{"id": "a", "title": "A", "goal": "g", "dependsOn": []}])
    run.emit(ev.RunStarted())
    run.started("a")
    run.asks("a", {"message": "Name?", "fields": [{"name": "name", "type": "text"}]})
    async with shown(run) as (pilot, screen):
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("x", "p", "q")
        assert isinstance(screen.focused, Input)
        assert run.asked == [], "letters typed into a field are not commands"
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query(AskPanel))
        assert run.drafts == {"ask-a": {"name": "xpq"}}
        await pilot.press("a")
        await settle(pilot)
        await until(pilot, lambda: isinstance(screen.focused, Input))
        assert isinstance(screen.focused, Input)
        assert screen.focused.value == "xpq"


async def test_bell_rings_once_per_question() -> None:
    run = deck(asking=False)
    rung: list[int] = []
    async with shown(run) as (pilot, screen):
        pilot.app.bell = lambda: rung.append(1)  # type: ignore[method-assign]  # listens to it
        run.asks("topic-choice", AUDIENCE)
        await until(pilot, lambda: screen.query(AskPanel))
        run.used("pricing", 2_000, 0.02)
        await until(pilot, lambda: not screen._flush_due)
        assert rung == [1]


@pytest.mark.parametrize(
    ("desktop", "focused", "told"),
    [("away", False, 1), ("away", True, 0), ("always", True, 1), ("never", False, 0)],
)
async def test_the_desktop_is_told_once_when_nobody_looks(
    monkeypatch: pytest.MonkeyPatch, desktop: Desktop, focused: bool, told: int
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    run = deck(asking=False)
    app = PiplanApp(None, run=run, now=run.now, notify=Notify(bell=False, desktop=desktop))  # type: ignore[arg-type]  # a double of a run
    written: list[str] = []
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        app.bell = lambda: written.append("bell")  # type: ignore[method-assign]  # listens to it
        app.write_to_terminal = written.append  # type: ignore[method-assign]  # listens to it
        app.post_message(events.AppFocus() if focused else events.AppBlur())
        await settle(pilot)
        run.asks("topic-choice", AUDIENCE)
        await until(pilot, lambda: app.screen.query(AskPanel))
        run.used("pricing", 2_000, 0.02)
        await settle(pilot)
        notices = [text for text in written if "]99;" in text]
        assert len(notices) == told
        assert "bell" not in written
        assert all("topic-choice asks: Which audience" in text for text in notices)


async def test_enter_opens_the_detail_and_escape_leaves_it() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DetailScreen)
        await pilot.press("escape")
        assert pilot.app.screen is screen
        await pilot.press("escape", "escape")
        assert pilot.app.screen is screen, "Esc never quits"


async def test_widening_the_terminal_puts_the_detail_beside_the_tree() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        assert not screen.query(DetailPane)
        await pilot.press("enter")
        await settle(pilot)
        await pilot.resize_terminal(*WIDE)
        await settle(pilot)
        await until(pilot, lambda: pilot.app.screen is screen and screen.query(DetailPane))
        await pilot.resize_terminal(*NARROW)
        await settle(pilot)
        await until(pilot, lambda: not screen.query(DetailPane))


async def test_keys_for_looking_around() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        tree = screen.run_tree
        await pilot.press("g")
        await pilot.press("E")
        assert tree.selected_step is not None
        assert tree.selected_step.id == "interviews"
        await pilot.press("right_square_bracket")
        assert tree.selected_step.id == "topic-choice"
        await pilot.press("f", "f")
        assert tree.outline.filter == "needs you"
        assert [row.step.id for row in tree.rows if row.step] == ["topic-choice"]
        await pilot.press(*"ffffff")
        assert tree.outline.filter == "all"
        await pilot.press("z")
        assert not tree.outline.fold_finished
        assert any(row.step and row.step.id == "scope" for row in tree.rows)


async def test_the_timeline_opens_groups_and_closes() -> None:
    run = deck()
    async with shown(run, (80, 14)) as (pilot, screen):
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(pilot.app.screen, TimelineScreen)
        view = pilot.app.screen.query_one(TimelineView)
        assert view.shows_phases, "ten steps do not fit"
        await pilot.press("plus")
        assert not view.shows_phases
        await pilot.press("G")
        await pilot.pause()
        assert view.scroll_offset.y == view.max_scroll_y > 0
        await pilot.press("minus")
        assert view.shows_phases
        await pilot.press("escape")
        assert pilot.app.screen is screen
        await pilot.press("t", "t")
        assert pilot.app.screen is screen


async def test_the_full_log_is_searched_and_goes_on_live() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("survey")
        await pilot.press("L")
        await settle(pilot)
        assert said(pilot.app)[-1] == "survey has not been tried, so it has no log"
        screen.run_tree.select_step("pricing")
        await pilot.press("L")
        await settle(pilot)
        log = pilot.app.screen
        assert isinstance(log, LogScreen)
        view = log.query_one(TranscriptView)
        await pilot.press("slash", *"vendor", "enter")
        await settle(pilot)
        assert view.matches == 2
        title = log.query_one("#log-title", Static)
        before = view.match_position
        await pilot.press("n")
        await pilot.pause()
        assert view.match_position != before
        assert f"vendor: {view.match_position} of 2" in str(title.render())
        run.transcripts.say("pricing", TextDelta("A third vendor appears.\n"))
        await until(pilot, lambda: view.matches == 3)
        await pilot.press("escape")
        assert pilot.app.screen is screen


async def test_the_result_and_the_command_can_be_copied() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("outline")
        await pilot.press("y", "r")
        await settle(pilot)
        assert pilot.app.clipboard == "An outline of nine slides."
        await pilot.press("y", "c")
        await settle(pilot)
        assert pilot.app.clipboard == "piplan-tui show 7f3a"


async def test_the_mouse_can_be_left_to_the_terminal() -> None:
    written: list[str] = []
    async with shown(deck(asking=False)) as (pilot, _):
        pilot.app.write_to_terminal = written.append  # type: ignore[attr-defined]  # what goes to the terminal
        await pilot.press("m", "m")
        await settle(pilot)
        assert written == [MOUSE_OFF, MOUSE_ON]
        assert said(pilot.app)[-2:] == [
            "The terminal selects text now; m takes it back",
            "The mouse works here again",
        ]


async def test_search_goes_to_matches_and_back() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        tree = screen.run_tree
        tree.select_step("pricing")
        await pilot.press("slash", *"check", "enter")
        await settle(pilot)
        assert tree.selected_step
        assert tree.selected_step.id == "check-audience"
        await pilot.press("n")
        assert tree.selected_step.id == "check-numbers"
        await pilot.press("N")
        assert tree.selected_step.id == "check-audience"
        await pilot.press("slash", *"out", "escape")
        await settle(pilot)
        assert not screen.query(SearchBar)
        assert tree.selected_step.id == "check-audience"


async def test_any_move_ends_follow_and_end_restores_it() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        tree = screen.run_tree
        assert tree.selected_step
        assert tree.selected_step.id == "competitors"
        await pilot.press("k")
        assert not tree.follow
        run.completed("competitors")
        await until(pilot, lambda: not screen._flush_due)
        assert tree.selected_step.id == "topic-choice"
        await pilot.press("end")
        assert tree.follow
        run.completed("topic-choice")
        await until(pilot, lambda: tree.selected_step and tree.selected_step.id == "pricing")


async def test_leaving_asks_while_the_run_goes_on() -> None:
    run = deck(asking=False)
    app = app_on(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        await pilot.press("q")
        assert isinstance(app.screen, ChoiceDialog)
        await pilot.press("enter")
        assert isinstance(app.screen, RunScreen)
        await pilot.press("ctrl+c")
        assert isinstance(app.screen, ChoiceDialog)
        await pilot.press("l")
        await pilot.pause()
    assert app.return_value == TuiResult(run, "left")  # type: ignore[arg-type]  # a double of a run
    assert run.asked == []


async def test_leaving_can_stop_the_run() -> None:
    run = deck(asking=False)
    app = app_on(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        await pilot.press("q", "R")
        await settle(pilot)
    assert run.asked == [("cancel",)]
    assert app.return_value == TuiResult(run, "stopped")  # type: ignore[arg-type]  # a double of a run


async def test_an_ended_run_stays_until_the_user_leaves() -> None:
    run = deck(asking=False)
    app = app_on(run)
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        run.emit(ev.RunFailed(reason="interviews: 429 rate limit", failed_steps=["interviews"]))
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        await pilot.press("q")
        await pilot.pause()
    assert app.return_value == TuiResult(run, "ended")  # type: ignore[arg-type]  # a double of a run


async def test_help_and_palette_know_the_commands() -> None:
    async with shown(deck()) as (pilot, screen):
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("escape")
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"pause")
        await until(pilot, lambda: pilot.app.screen.query(OptionList).first().option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: screen.run_handle.asked)  # type: ignore[union-attr]  # a double of a run
        assert screen.run_handle.asked == [("pause",)]  # type: ignore[union-attr]  # a double of a run


async def test_keys_can_be_remapped_by_action_id() -> None:
    run = deck()
    app = PiplanApp(None, run=run, now=run.now, keys_by_id={"run.pause": "b"})  # type: ignore[arg-type]  # a double of a run
    async with app.run_test(size=NARROW) as pilot:
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot)
        assert run.asked == []
        await pilot.press("b")
        await settle(pilot)
        assert run.asked == [("pause",)]


class CountingTree:
    """Counts the rows that are rendered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        original = RunTree.render_line

        def counted(tree: RunTree, y: int) -> Any:
            self.rows += 1
            return original(tree, y)

        monkeypatch.setattr(RunTree, "render_line", counted)


async def test_a_thousand_steps_scroll_while_sixteen_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key renders more rows than are visible, whatever streams in meanwhile."""
    run = long_run(1_000, 16)
    counter = CountingTree(monkeypatch)
    async with shown(run) as (pilot, screen):
        tree = screen.run_tree
        visible = tree.size.height
        for n in range(16):
            for tokens in range(1, 51):
                run.used(f"s{n:04}", tokens * 10, tokens / 1000)
        await until(pilot, lambda: not screen._flush_due)
        assert counter.rows <= 2 * visible + 16, "800 events were drawn together"
        for key in ("j", "k", "pagedown", "ctrl+d", "g"):
            counter.rows = 0
            await pilot.press(key)
            await pilot.pause()
            # the clock may tick in between, and redraws the running rows
            assert counter.rows <= visible + 16, key
        counter.rows = 0
        tree.move_to(999)
        await pilot.pause()
        run.used("s0000", 10_000, 1.0)
        await until(pilot, lambda: not screen._flush_due)
        assert counter.rows <= visible, "what is out of sight is not drawn"


async def test_a_question_takes_the_rows_that_the_tree_does_not_need() -> None:
    run = RunDouble([{"id": "a", "title": "A", "goal": "g", "dependsOn": []}])
    run.emit(ev.RunStarted())
    run.started("a")
    fields = [{"name": f"field-{n}", "type": "text"} for n in range(9)]
    run.asks("a", {"message": "Nine things", "fields": fields})
    async with shown(run, (80, 24)) as (_, screen):
        assert screen.query_one(AskPanel).size.height == 24 - 2 - 3 - 2 - 1


async def test_the_key_bar_tells_no_key_that_is_a_letter_while_typing() -> None:
    run = RunDouble([{"id": "a", "title": "A", "goal": "g", "dependsOn": []}])
    run.emit(ev.RunStarted())
    run.started("a")
    fields = [{"name": "b", "type": "boolean"}, {"name": "t", "type": "text"}]
    run.asks("a", {"message": "?", "fields": fields})
    async with shown(run, (80, 24)) as (pilot, screen):
        bar = screen.query_one(KeyBar)
        assert "a answer" in bar.render().plain
        await pilot.press("a")
        await settle(pilot)
        assert "stop" in bar.render().plain
        assert "answer" not in bar.render().plain
        await pilot.press("tab")
        await settle(pilot)
        assert bar.render().plain.split() == ["Ctrl-p", "commands", "Ctrl-c", "leave"]


async def test_a_closed_screen_can_be_forgotten() -> None:
    app = app_on(deck(asking=False))
    async with app.run_test() as pilot:
        await settle(pilot)
        another = deck(asking=False)
        await app.push_screen(RunScreen(another, None))  # type: ignore[arg-type]  # a double, and nothing reaches the runtime
        await settle(pilot)
        assert gc.get_freeze_count() > 0
        await app.screen.dismiss()
        assert gc.get_freeze_count() == 0
