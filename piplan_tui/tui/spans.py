"""From the roles of `piplan_tui.views` to the theme: nothing else decides a colour."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content

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


def to_content(spans: Iterable[Span]) -> Content:
    """Spans as Textual shows them. Text is text: brackets in it mean nothing."""
    return Content.assemble(*((span.text, ROLE_STYLES[span.role]) for span in spans))
