"""Draws what a key did before anything else is drawn, and before what else comes of the key is worked out."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from textual.app import App
from textual.scroll_view import ScrollView

_LEAST_SECONDS = 1 / 60
"""Between two pictures drawn at once: of many keys that come together, the picture after the last is enough."""
_drawn: WeakKeyDictionary[App[object], float] = WeakKeyDictionary()


def draw_at_once(view: ScrollView) -> None:
    """Bring what changed of a view to the terminal now. All else waits for the next picture, as ever.

    Textual draws at most 60 times a second, and then everything at once: the line under the cursor would wait for
    the layout of what is shown about it.
    """
    screen, app = view.screen, view.app
    now = time.monotonic()
    if not screen.is_current or app._batch_count or now - _drawn.get(app, 0.0) < _LEAST_SECONDS:
        return
    _drawn[app] = now
    compositor = screen._compositor
    compositor.update_widgets({view, view.vertical_scrollbar} if view.show_vertical_scrollbar else {view})
    app._display(screen, compositor.render_update(screen_stack=app._background_screens))
