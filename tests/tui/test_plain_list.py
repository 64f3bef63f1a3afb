"""The terminal view in lines of words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.plain_list import sentence_line
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from piplan_tui.tui.widgets.why_line import WhyLine
from piplan_tui.views.formatting import GLYPHS
from tests.tui.screens.test_home import PLAN, a_run, opened, stored, until
from tests.tui.screens.test_run_snapshots import SnapCompare, still
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck


def spoken_app(run: RunDouble) -> PiplanApp:
    return PiplanApp(None, run=run, now=run.now, plain_list=True)  # type: ignore[arg-type]  # nothing here reaches the runtime


def lines(pilot: Pilot[Any]) -> list[str]:
    tree = pilot.app.screen.query_one(RunTree)
    return [tree.render_line(y).text.rstrip() for y in range(min(tree.size.height, len(tree.rows)))]


@pytest.mark.anyio
async def test_rows_and_header_are_sentences() -> None:
    run = deck()
    app = spoken_app(run)
    async with app.run_test(size=(140, 40)) as pilot:
        await still(pilot)
        assert app.animation_level == "none"
        assert not app.screen.query(DetailPane), "nothing stands beside the rows"
        assert "  step interviews, failed, 429 rate limit, titled Read the interviews" in lines(pilot)
        assert "  phase 1 Scope, 1 of 1 completed, folded" in lines(pilot)
        header = str(app.screen.query_one(RunHeader).render())
        assert header.lstrip().startswith(
            "deck-plan, running, 2 of 10 completed, 1 question, 1 failed, 21,000"
        )
        await pilot.press("j")
        marked = [line for line in lines(pilot) if line.startswith("> ")]
        assert len(marked) == 1


@pytest.mark.anyio
async def test_a_clock_changes_no_line_within_ten_seconds() -> None:
    run = deck(asking=False)
    run.later(-run.now().second % 10)
    app = spoken_app(run)
    async with app.run_test(size=(140, 40)) as pilot:
        await still(pilot)
        header = app.screen.query_one(RunHeader)
        seen = lines(pilot), str(header.render())
        run.later(9)
        assert (lines(pilot), str(header.render())) == seen
        run.later(51)
        assert (lines(pilot), str(header.render())) != seen


@pytest.mark.parametrize("width", [1, 2, 5, 30, 80])
def test_a_sentence_fills_its_line(width: int) -> None:
    spans = sentence_line(
        "step a, running, working for 4 minutes, titled Collect all prices", width, cursor=True
    )
    assert sum(len(span.text) for span in spans) == width


def test_at_80x24(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(spoken_app(deck()), terminal_size=(80, 24), run_before=still)


def screen_text(app: PiplanApp) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def drawn(text: str) -> set[str]:
    """Characters that are drawn with, and signs of ours."""
    signs = {sign for sign in GLYPHS.values() if not sign.isascii()} | set("▸▾·🔎")
    return {
        char for char in text if "\u2500" <= char <= "\u259f" or "\u2800" <= char <= "\u28ff" or char in signs
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ((), "step pricing, running, warning: silent for"),
        (("enter", "2"), "tool bash npm view pricing, done, 1 line"),
        (("enter", "3"), "completed, bash"),
        (("enter", "4"), "completed, scope"),
        (("enter", "6"), "Attempt 1: running"),
        (("enter", "2"), "Output is open. Keys: 1 Input, 2 Output"),
        (("t",), "outline, completed, began after 38 seconds, worked 2 minutes"),
        (("t",), "Critical path: scope, then "),
        (("L",), "tool bash npm view pricing, done, 1 line"),
        (("space",), "Space close, Enter open, j/k other rows"),
        (("question_mark",), "Down: j or Down arrow. Next row"),
        (("x",), "S: Stop pricing"),
        (("s",), "Tell pricing, while it works"),
        (("y",), "i: Step id, pricing"),
        (("q",), "l: Pause and leave, go on with: piplan-tui resume 7f3a"),
        (("colon",), "Search for commands"),
        (("slash",), "/ "),
    ],
)
async def test_every_screen_is_words(keys: tuple[str, ...], says: str) -> None:
    app = spoken_app(deck(asking=False))
    async with app.run_test(size=(80, 40)) as pilot:
        await still(pilot)
        screen: Any = app.screen
        screen.run_tree.select_step("pricing")
        for key in keys:
            await pilot.press(key)
            await still(pilot)
        shown = screen_text(app)
        assert says in "\n".join(shown)
        assert drawn("".join(shown)) == set()


@pytest.mark.anyio
async def test_the_list_to_begin_with_is_sentences(tmp_path: Path) -> None:
    runs = a_run("aaaa1111", "failed", title="Проверка цен 価格"), a_run("bbbb2222", "paused", asks=2)
    store = await stored(*runs)
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    async with opened(tmp_path, store, size=(80, 24), plain_list=True) as (pilot, app, _):
        await until(pilot, lambda: "plan Two steps" in "\n".join(screen_text(app)))
        text = "\n".join(screen_text(app))
        assert "run A deck, 2 questions for you, 2 of 4 done, 1 minute ago, id bbbb2222" in text
        assert "run Проверка цен 価格, failed, 2 of 4 done" in text, "letters of every alphabet stay"
        assert "plan Two steps, 1 step, file plan.json" in text
        assert "piplan, run plans of agent steps, live, 1 run needs you" in text
        assert drawn(text) == set()


@pytest.mark.anyio
async def test_a_row_that_is_cut_is_said_in_full_below_the_list() -> None:
    app = spoken_app(deck(asking=False))
    async with app.run_test(size=(50, 40)) as pilot:
        await still(pilot)
        screen: Any = app.screen
        screen.run_tree.select_step("check-numbers")
        await still(pilot)
        cut = next(line for line in screen_text(app) if line.startswith("> "))
        assert cut.endswith("...")
        below = " ".join(str(screen.query_one(WhyLine).render()).split())
        assert "step check-numbers, blocked by interviews, which failed, titled Check the numbers" in below
        await pilot.press("space")
        await still(pilot)
        title = " ".join(line.strip() for line in screen_text(app)[:3])
        assert "step check-numbers, blocked by interviews, which failed, titled Check the numbers" in title


@pytest.mark.anyio
async def test_no_bar_stands_beside_rows_that_scroll() -> None:
    app = spoken_app(deck())
    async with app.run_test(size=(80, 16)) as pilot:
        await still(pilot)
        tree = app.screen.query_one(RunTree)
        assert tree.max_scroll_y > 0
        assert tree.scrollable_content_region.width == 80
