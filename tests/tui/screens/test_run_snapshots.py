"""Pictures of a run in the middle of things, at the size of a small terminal and of a large one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, deck, fan_out, step

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40")]
SnapCompare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)


async def still(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    for widget in pilot.app.screen.query("Input, TextArea"):
        widget.cursor_blink = False
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_follows_what_runs(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(deck(asking=False)), terminal_size=size, run_before=still)


@pytest.mark.parametrize("size", SIZES)
def test_a_running_step_unfolded(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    run = deck(asking=False)
    plan = [("Read the brief", "completed"), ("Compare prices", "in_progress"), ("Write it up", "pending")]
    entries = [ev.PlanEntry(text=text, status=status) for text, status in plan]  # type: ignore[arg-type]  # the literals are states
    run.emit(ev.SessionPlanned(step_id="pricing", attempt=1, entries=entries))

    async def unfold(pilot: Pilot[Any]) -> None:
        await still(pilot)
        pilot.app.screen.run_tree.select_step("pricing")
        await pilot.press("l", "j")
        await still(pilot)

    assert snap_compare(app_on(run), terminal_size=size, run_before=unfold)


@pytest.mark.parametrize("size", SIZES)
def test_asks(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def answer(pilot: Pilot[Any]) -> None:
        await still(pilot)
        await pilot.press("a")
        await still(pilot)

    assert snap_compare(app_on(deck()), terminal_size=size, run_before=answer)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("tab", [2, 4, 5, 6])
def test_detail_of_a_step(snap_compare: SnapCompare, size: tuple[int, int], tab: int) -> None:
    async def open_tab(pilot: Pilot[Any]) -> None:
        await still(pilot)
        pilot.app.screen.run_tree.select_step("outline" if tab > 2 else "pricing")
        await pilot.press(str(tab))
        await still(pilot)

    assert snap_compare(app_on(deck(asking=False)), terminal_size=size, run_before=open_tab)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", ["question_mark", "q", "x", "y", "slash", "space"])
def test_dialogs(snap_compare: SnapCompare, size: tuple[int, int], key: str) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await still(pilot)
        pilot.app.screen.run_tree.select_step("pricing")
        await pilot.press(key)
        await still(pilot)

    assert snap_compare(app_on(deck(asking=False)), terminal_size=size, run_before=press)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("keys", [["r"], ["r", "g"], ["r", "a"]], ids="-".join)
def test_retry(snap_compare: SnapCompare, size: tuple[int, int], keys: list[str]) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await still(pilot)
        pilot.app.screen.run_tree.select_step("interviews")
        for key in keys:
            await pilot.press(key)
            await still(pilot)

    assert snap_compare(app_on(deck()), terminal_size=size, run_before=press)


@pytest.mark.parametrize("size", SIZES)
def test_log(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await still(pilot)
        pilot.app.screen.run_tree.select_step("pricing")
        await pilot.press("L")
        await still(pilot)
        await pilot.press("slash", *"vendor", "enter")
        await still(pilot)

    assert snap_compare(app_on(deck()), terminal_size=size, run_before=press)


@pytest.mark.parametrize("size", SIZES)
def test_timeline(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def press(pilot: Pilot[Any]) -> None:
        await still(pilot)
        await pilot.press("t")
        await still(pilot)

    assert snap_compare(app_on(deck()), terminal_size=size, run_before=press)


@pytest.mark.parametrize("size", SIZES)
def test_failed_run(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    run = RunDouble([step("brief", "Read the brief"), step("deck", "Write the deck", after=("brief",))])
    run.emit(ev.RunStarted())
    run.started("brief")
    run.used("brief", 812, 0.004)
    run.later(71)
    run.failed("brief", "the agent pi is not installed: npm install -g pi")
    run.emit(ev.RunFailed(reason="brief: the agent pi is not installed", failed_steps=["brief"]))
    assert snap_compare(app_on(run), terminal_size=size, run_before=still)


@pytest.mark.parametrize("width", [30, 60])
def test_narrow(snap_compare: SnapCompare, width: int) -> None:
    assert snap_compare(app_on(deck(asking=False)), terminal_size=(width, 16), run_before=still)


def test_ascii(snap_compare: SnapCompare) -> None:
    from piplan_tui.tui.terminal_guard import AsciiFilter

    app = app_on(deck(asking=False))
    app._guards.append(AsciiFilter())
    app.ascii_only = True
    assert snap_compare(app, terminal_size=(80, 24), run_before=still)


@pytest.mark.parametrize(
    "size", [*SIZES, pytest.param((200, 50), id="200x50"), pytest.param((45, 18), id="45x18")]
)
def test_calls_that_differ_by_a_number(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(fan_out()), terminal_size=size, run_before=still)
