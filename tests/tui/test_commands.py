"""The palette: what is likely to be wanted first, with its keys, and all of it within reach."""

from __future__ import annotations

from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import OptionList

from piplan_tui.tui.screens.run import RunScreen
from tests.tui.support.scenes import app_on, deck
from tests.tui.test_sizes import settle

pytestmark = pytest.mark.anyio
SMALL = [(30, 8), (40, 10)]


async def opened(pilot: Pilot[Any], step: str) -> OptionList:
    screen: Any = pilot.app.screen
    screen.run_tree.select_step(step)
    await settle(pilot)
    await pilot.press("colon")
    for _ in range(200):
        await pilot.pause()
        if (
            isinstance(pilot.app.screen, CommandPalette)
            and pilot.app.screen.query_one(OptionList).option_count
        ):
            break
    await settle(pilot)
    return pilot.app.screen.query_one(OptionList)


def prompts(listed: OptionList) -> list[str]:
    return [str(listed.get_option_at_index(n).prompt) for n in range(listed.option_count)]


def titles(listed: OptionList) -> list[str]:
    return [prompt.split("\n")[0] for prompt in prompts(listed)]


async def test_what_helps_the_row_comes_first_and_moving_last() -> None:
    async with app_on(deck()).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        names = titles(await opened(pilot, "interviews"))
    assert names[:2] == ["Open  Enter", "Retry  r"]
    assert names.index("Theme") > names.index("Timeline  t")
    assert names.index("Theme") < names.index("Down  j \u2193")
    assert names[-1].startswith("Fold  ")


async def test_another_row_has_another_order_and_only_what_can_be_done() -> None:
    async with app_on(deck()).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        names = titles(await opened(pilot, "topic-choice"))
    assert names[:2] == ["Open  Enter", "Answer the question  a"]
    assert not any(name.startswith("Steer") for name in names)


@pytest.mark.parametrize("size", SMALL)
async def test_on_a_small_screen_a_command_is_a_row_and_all_are_within_reach(size: tuple[int, int]) -> None:
    app = app_on(deck())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        listed = await opened(pilot, "interviews")
        assert all("\n" not in prompt for prompt in prompts(listed))
        assert listed.region.height >= 4
        assert listed.region.bottom <= size[1]
        seen: set[int] = set()
        for _ in range(listed.option_count):
            at = listed.highlighted
            assert at is not None
            top = listed.scroll_offset.y
            assert top <= listed._index_to_line[at] < top + listed.content_region.height
            seen.add(at)
            await pilot.press("down")
        assert seen == set(range(listed.option_count))
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
