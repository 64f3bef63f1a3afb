"""From the roles of `piplan_tui.views` to the theme: nothing else decides a colour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from rich.style import Style
from textual.content import Content
from textual.widget import Widget

from piplan_tui.views.line import Role, Span

ROLE_STYLES: dict[Role, str] = {
    "plain": "",
    "dim": "$foreground-muted",
    "strong": "bold",
    "accent": "$text-accent",
    "running": "$text-primary",
    "attention": "$text-warning bold",
    "failed": "$text-error bold",
    "done": "$foreground-muted",
}


def row_parts(name: str) -> set[str]:
    """The component classes of a widget that draws rows itself: one for each role, and one for the cursor."""
    return {f"{name}--{part}" for part in (*get_args(Role), "cursor")}


def row_style(widget: Widget, name: str, role: Role, *, cursor: bool) -> Style:
    """How a role looks in a row of a widget with the component classes `row_parts(name)`."""
    style = widget.get_component_rich_style(f"{name}--{role}")
    if not cursor:
        return style
    return style + Style(bgcolor=widget.get_component_rich_style(f"{name}--cursor").bgcolor)


def to_content(spans: Iterable[Span]) -> Content:
    """Spans as Textual shows them. Text is text: brackets in it mean nothing."""
    return Content.assemble(*((span.text, ROLE_STYLES[span.role]) for span in spans))
