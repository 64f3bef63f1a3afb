"""The plan format: what a host or a file says is to be done.

Fields that this module does not name are kept wherever they stand, written back unchanged,
and handed to the step as context. The runtime never interprets them.
"""

from __future__ import annotations

import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, model_validator
from pydantic.alias_generators import to_camel

ExecutionMode = Literal["serial", "parallel"]


class _Permissive(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # a caller-owned field may have any name, `model_…` included
        protected_namespaces=(),
    )

    @model_validator(mode="wrap")
    @classmethod
    def _tell_own_from_foreign(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Keep a caller's `depends_on` from passing for `dependsOn`: pydantic notes both under one name."""
        model = handler(data)
        if model.__pydantic_extra__ and isinstance(data, dict):
            for name, info in cls.model_fields.items():
                if name in model.__pydantic_extra__ and info.alias not in data:
                    model.__pydantic_fields_set__.discard(name)
        return model

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Read a document as it stands in a plan file.

        Only the camelCase names count: `depends_on` in a file is a field of the caller's own, and is kept.

        Raises:
            pydantic.ValidationError: a known field is missing or of the wrong type.
        """
        return cls.model_validate(document, by_alias=True, by_name=False)

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

    def dumps(self) -> str:
        """The text of a plan file: indented JSON with a newline at its end."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
