"""Our own themes: what is written in them can be read, and they are chosen by name."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.spans import ROLE_STYLES
from piplan_tui.tui.themes import OWN_THEMES
from tests.tui.support.scenes import app_on, deck

READABLE = 4.5
"""The contrast that WCAG 2.1 asks of text at level AA."""
GROUNDS = ("background", "surface", "panel")
WORDS = sorted(
    {style.split()[0].lstrip("$") for style in ROLE_STYLES.values() if "$" in style} | {"foreground"}
)


def luminance(color: Color) -> float:
    channels = [value / 255 for value in (color.r, color.g, color.b)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_measured_as_wcag_says() -> None:
    assert contrast(Color(0, 0, 0), Color(255, 255, 255)) == pytest.approx(21)
    assert contrast(Color.parse("#767676"), Color(255, 255, 255)) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", OWN_THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_role_can_be_read(theme: Theme, ground: str) -> None:
    made = theme.to_color_system().generate() | theme.variables
    behind = Color.parse(made[ground])
    cursor = behind.blend(Color.parse(made["primary"]), 0.3)
    for name in WORDS:
        color = Color.parse(made[name])
        assert contrast(behind.blend(color, color.a), behind) >= READABLE, name
        assert contrast(cursor.blend(color, color.a), cursor) >= 3, name


@pytest.mark.anyio
@pytest.mark.parametrize("name", [theme.name for theme in OWN_THEMES])
async def test_a_theme_is_chosen_by_name_and_its_colours_are_used(name: str) -> None:
    run = deck()
    app = PiplanApp(None, run=run, now=run.now, theme=name)  # type: ignore[arg-type]  # nothing here reaches the runtime
    async with app.run_test():
        assert app.theme == name
        wanted = next(theme for theme in OWN_THEMES if theme.name == name).variables
        used = app.theme_variables
        assert {key: used[key] for key in wanted} == wanted


@pytest.mark.anyio
async def test_a_theme_that_is_not_there_is_told_in_a_sentence() -> None:
    run = deck()
    app = PiplanApp(None, run=run, now=run.now, theme="piplan-drak")  # type: ignore[arg-type]  # as above
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        told = [notification.message for notification in app._notifications]
        assert told == ['There is no theme "piplan-drak"; did you mean "piplan-dark"?']


@pytest.mark.anyio
async def test_themes_are_in_the_palette() -> None:
    app = app_on(deck())
    async with app.run_test() as pilot:
        await pilot.press("colon", *"theme")
        await pilot.app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press(*"piplan-light")
        await pilot.app.workers.wait_for_complete()
        await pilot.press("enter")
        await pilot.pause()
        assert app.theme == "piplan-light"
