"""What a step asks of the user, in its canonical form: inputRequest version 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

FieldType = Literal[
    "text", "multiline", "secret", "number", "integer", "boolean", "choice", "multichoice", "date",
    "datetime", "path", "json", "code", "info",
]  # fmt: skip
OptionKind = Literal["allow_once", "allow_always", "reject_once", "reject_always"]
ActionResult = Literal["accept", "decline", "cancel"]
OptionValue = str | int | float | bool


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow", alias_generator=to_camel, populate_by_name=True, strict=True)

    def to_json(self) -> dict[str, Any]:
        """The JSON document: camelCase keys, only what was given, unknown fields included."""
        return self.model_dump(by_alias=True, mode="json", exclude_unset=True)


class Option(_Wire):
    """One of the values to choose from. `value` is what is answered, exactly; `label` is what is shown."""

    value: OptionValue
    label: str = ""
    description: str = ""
    preview: str = ""
    recommended: bool = False
    key: str = ""
    kind: OptionKind | None = None

    @property
    def caption(self) -> str:
        """The label, never empty."""
        return self.label or str(self.value)


class SecretRule(_Wire):
    """Where a secret goes: into the environment variable `env`, never into an event, prompt or file."""

    env: str
    remember: Literal["no", "run", "keyring"] = "no"


class PathRule(_Wire):
    """What a path may be. `base` is relative to the workspace; nothing outside of it is accepted."""

    select: Literal["file", "dir", "any"] = "any"
    multiple: bool = False
    must_exist: bool = False
    glob: str = ""
    base: str = ""


class ShowIf(_Wire):
    """A field is there only while another has a value: `equals`, one of `in`, or any when neither is given."""

    field: str
    equals: Any = None
    one_of: list[Any] | None = pydantic.Field(default=None, alias="in")


class Field(_Wire):
    """One value that is asked for.

    `source_name` is the name by which the asker knows it, when `name` had to be changed: a question's text,
    or a name that was taken twice. `default` counts only when `has_default`.
    """

    name: str
    type: FieldType = "text"
    label: str = ""
    description: str = ""
    required: bool = True
    default: Any = None
    placeholder: str = ""
    examples: list[Any] = []
    options: list[Option] = []
    allow_other: bool = False
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    pattern_hint: str = ""
    format: Literal["email", "uri", "date", "date-time"] | None = None
    minimum: float | int | None = None
    maximum: float | int | None = None
    step: float | int | None = None
    min_items: int | None = None
    max_items: int | None = None
    language: str = ""
    path: PathRule | None = None
    json_schema: dict[str, Any] | None = pydantic.Field(default=None, alias="schema")
    secret: SecretRule | None = None
    show_if: ShowIf | None = None
    page: str = ""
    source_name: str = ""

    @property
    def has_default(self) -> bool:
        return self.default is not None and self.type not in ("secret", "info")

    @property
    def caption(self) -> str:
        """What to call the field on screen and in sentences: its label, or its name made readable."""
        if self.label:
            return self.label
        words = self.name.replace("_", " ").replace("-", " ").strip() or self.name
        return words[:1].upper() + words[1:]

    @property
    def asker_name(self) -> str:
        """The name to answer by in the asker's own protocol."""
        return self.source_name or self.name


class Action(_Wire):
    """One way to answer a review. `needs` names the fields it requires and sends; `None` means all."""

    id: str
    label: str = ""
    key: str = ""
    result: ActionResult
    needs: list[str] | None = None

    @property
    def caption(self) -> str:
        return self.label or self.id


class ContextBlock(_Wire):
    """Something to read before answering."""

    type: Literal["markdown", "text", "diff", "file", "command", "json"]
    title: str = ""
    text: str = ""
    path: str = ""
    line: int | None = None
    data: Any = None
    cwd: str = ""


class Expires(_Wire):
    """What happens when nobody answers for `after_seconds`; `owner` is who keeps the time."""

    after_seconds: float
    then: Literal["decline", "cancel", "fail", "defaults"]
    owner: Literal["runtime", "agent"] = "runtime"


class InputRequest(_Wire):
    """A question to the user.

    Texts are clean for a terminal; values (`Option.value`, `Field.default`) are as the asker wrote them.
    `raw` is the request as it came in; `notes` say what was changed or left out in reading it. Neither is
    part of the document.
    """

    version: Literal[1] = 1
    id: str = ""
    kind: Literal["form", "permission", "review", "url"] = "form"
    title: str = ""
    message: str
    reason: str = ""
    fields: list[Field] = []
    actions: list[Action] = []
    context: list[ContextBlock] = []
    url: str = ""
    urgency: Literal["low", "normal", "high"] = "normal"
    expires: Expires | None = None
    source: dict[str, Any] = {}
    raw: Any = pydantic.Field(default=None, exclude=True, repr=False)
    notes: list[str] = pydantic.Field(default=[], exclude=True)

    def field(self, name: str) -> Field | None:
        """The field of this name."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def by_name(self) -> Mapping[str, Field]:
        return {field.name: field for field in self.fields}
