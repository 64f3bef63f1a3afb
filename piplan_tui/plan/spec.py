"""The plan format: what a host or a file says is to be done.

Fields that this module does not name are kept wherever they stand, written back unchanged,
and handed to the step as context. The runtime never interprets them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

ExecutionMode = Literal["serial", "parallel"]


class _Permissive(BaseModel):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The document as it stands in a plan file: camelCase keys, unknown fields included."""
        return self.model_dump(by_alias=True, mode="json", exclude_unset=True)


class PlanStepSpec(_Permissive):
    """One step: what one agent session has to reach, and which steps it builds on."""

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    goal: str = Field(min_length=1)
    depends_on: list[str] = Field(default_factory=list)
    phase: str | None = Field(default=None, description="for people: groups steps on screen")


class PlanSpec(_Permissive):
    """A plan: steps and their dependencies.

    `execution_mode` is `serial` (one dependency-ready step at a time, in plan order) or `parallel`
    (dependency-ready steps up to the run's `max_concurrency`).
    """

    id: str = Field(min_length=1)
    title: str = Field(min_length=1)
    summary: str = ""
    execution_mode: ExecutionMode = "serial"
    steps: list[PlanStepSpec] = Field(min_length=1)
