"""What all events have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time with its zone: one without cannot be compared with the others."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class RuntimeEvent(msgspec.Struct, tag_field="type", rename="camel", omit_defaults=True, kw_only=True):
    """What all events have. `Run.emit` fills in `seq`, `at` and `run_id`."""

    seq: int = 0
    at: Moment = EPOCH
    run_id: str = ""

    @property
    def type(self) -> str:
        """The kind as on the wire, such as `step.completed`."""
        tag = self.__struct_config__.tag
        assert isinstance(tag, str)
        return tag


class StepEvent(RuntimeEvent, kw_only=True):
    """An event of one step; `attempt` counts from 1 (0 while the step has not been tried)."""

    step_id: str
    attempt: int = 0


OnEvent = Callable[[RuntimeEvent], None]
"""Whoever makes events known, or hears of them."""
