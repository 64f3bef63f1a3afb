"""Plans to break."""

from __future__ import annotations

from typing import Any


def plan_of(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A plan document; each step needs an `id` only."""
    return {
        "id": "p",
        "title": "P",
        "steps": [{"title": "T", "goal": "G", **step} for step in steps],
        **more,
    }
