"""Work beside the message loop of a screen or widget, ended with it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, cast

from textual.dom import DOMNode
from textual.worker import WorkType


def in_background(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], *, group: str, exclusive: bool = False
) -> None:
    """Run `work`; with `exclusive`, what the group was doing is cancelled first.

    The function is handed over, not its coroutine: one that never gets to run would warn about it at exit.
    """
    # the type is a union of three forms, of which mypy cannot see that a function is one
    node.run_worker(cast("WorkType[None]", work), group=group, exclusive=exclusive)
