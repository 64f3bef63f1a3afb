"""Pilots that wait until every widget has handled its messages.

A pilot takes an app for idle when its process uses little of the processor, which is also so when other processes
leave it none. What a key leads to would then be looked at before it is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual._context import active_app
from textual.app import App
from textual.widgets import Input, TextArea

MOST_TURNS = 5_000
"""Of the event loop: a widget that keeps itself busy must not hold up a test for ever."""
CALM_TURNS = 5


async def _until_all_is_handled(app: App[Any]) -> None:
    calm = 0
    for _ in range(MOST_TURNS):
        await asyncio.sleep(0)
        pumps = [app, *app._registry]
        calm = 0 if any(pump.message_queue_size or pump._next_callbacks for pump in pumps) else calm + 1
        if calm == CALM_TURNS:
            return


@pytest.fixture(autouse=True)
def _patient_pilots(monkeypatch: pytest.MonkeyPatch) -> None:
    idle: Callable[..., Awaitable[None]] = textual.pilot.wait_for_idle

    async def wait_for_idle(*seconds: float) -> None:
        app = active_app.get(None)
        if app is not None:
            await _until_all_is_handled(app)
        await idle(*seconds)
        if app is not None:
            await _until_all_is_handled(app)

    monkeypatch.setattr(textual.pilot, "wait_for_idle", wait_for_idle)
    monkeypatch.setattr(textual.app, "wait_for_idle", wait_for_idle)


@pytest.fixture(autouse=True)
def _cursors_that_do_not_blink(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cursor that blinks is another picture every half second."""
    for kind in (Input, TextArea):
        monkeypatch.setattr(kind.cursor_blink, "_default", False)
