"""A theme that was chosen is there at the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.theme_memory import FILE, ThemeMemory
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio


def app_with(folder: Path, theme: str = "") -> PiplanApp:
    run = deck()
    return PiplanApp(None, run=run, now=run.now, theme=theme, theme_memory=ThemeMemory(folder))  # type: ignore[arg-type]  # nothing here reaches the runtime


async def theme_at_start(folder: Path, theme: str = "") -> str:
    app = app_with(folder, theme)
    async with app.run_test() as pilot:
        await pilot.pause()
        return app.theme


async def choose(app: PiplanApp, name: str) -> None:
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.press("colon", *"theme")
        await pilot.app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press(*name)
        await pilot.app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        assert app.theme == name


async def test_what_was_chosen_in_the_palette_is_there_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert await theme_at_start(folder) != "piplan-light"
    assert not folder.exists(), "looking leaves nothing"
    await choose(app_with(folder), "piplan-light")
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert await theme_at_start(folder) == "piplan-light"


async def test_settings_go_before_it_and_do_not_change_it(tmp_path: Path) -> None:
    await ThemeMemory(tmp_path).keep("piplan-light")
    assert await theme_at_start(tmp_path, "piplan-dark") == "piplan-dark"
    assert await ThemeMemory(tmp_path).recall() == "piplan-light"


@pytest.mark.parametrize("found", [b"no-such-theme\n", b"", b"\xff\xfe", b"\x1b[31m"])
async def test_what_is_no_theme_is_as_good_as_nothing(tmp_path: Path, found: bytes) -> None:
    usual = await theme_at_start(tmp_path)
    (tmp_path / FILE).write_bytes(found)
    assert await theme_at_start(tmp_path) == usual


async def test_what_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot keep the theme in"):
        await ThemeMemory(tmp_path / "state").keep("piplan-light")
    app = app_with(tmp_path / "state")
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        app.theme = "piplan-light"
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        assert any("cannot keep the theme in" in told.message for told in app._notifications)
