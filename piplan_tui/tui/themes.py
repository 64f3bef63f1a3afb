"""Two themes of our own, beside Textual's. Words of every role can be read on every ground (see the test)."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

DARK = Theme(
    name="piplan-dark",
    primary="#3b82c4",
    secondary="#8f7fd0",
    accent="#e0a84e",
    warning="#e8b04a",
    error="#d9607a",
    success="#5fb98a",
    foreground="#e6e8ea",
    background="#14171a",
    surface="#1d2226",
    panel="#262d33",
    dark=True,
    variables={
        "foreground-muted": "#aab2b9",
        "text-primary": "#8cc4f2",
        "text-secondary": "#bdb2ee",
        "text-accent": "#f0c27a",
        "text-warning": "#f5c76e",
        "text-error": "#f59bb0",
        "text-success": "#8fd9b1",
    },
)
LIGHT = Theme(
    name="piplan-light",
    primary="#1f6aa5",
    secondary="#5b4aa8",
    accent="#8a5300",
    warning="#9a6200",
    error="#b02a4c",
    success="#1f7a4d",
    foreground="#1a1d20",
    background="#fafaf8",
    surface="#f0f0ec",
    panel="#e4e5e1",
    dark=False,
    variables={
        "foreground-muted": "#4d555c",
        "text-primary": "#0f5488",
        "text-secondary": "#4a3a94",
        "text-accent": "#704300",
        "text-warning": "#704300",
        "text-error": "#961f3f",
        "text-success": "#15603b",
    },
)
OWN_THEMES = (DARK, LIGHT)
THEME_NAMES = tuple(sorted([*(theme.name for theme in OWN_THEMES), *BUILTIN_THEMES]))
"""Every theme that can be chosen."""
