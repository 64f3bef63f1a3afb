"""What the demo agent answers when a workflow asks for JSON: made up from the schema, the same in any process."""

from __future__ import annotations

import hashlib
from typing import Any

_DEEPEST = 8
_SUBJECTS = (
    "Cold starts",
    "The retry path",
    "Cache invalidation",
    "Back pressure",
    "The migration",
    "Clock skew",
    "Connection reuse",
    "Partial failures",
)
_FINDINGS = (
    "dominate the slowest one per cent of requests",
    "cost more to operate than they save",
    "are covered by tests only on the happy path",
    "recover within a minute in the measured cases",
    "depend on a setting that is not documented",
    "grow with the number of tenants",
)
_FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:26:53Z",
    "time": "09:26:53Z",
    "email": "demo@example.org",
    "uri": "https://example.org/notes/{n}",
    "url": "https://example.org/notes/{n}",
    "uuid": "00000000-0000-4000-8000-{n:012d}",
}


def made_up(schema: dict[str, Any], seed: str) -> Any:
    """A value that fits `schema`, as far as it uses the usual keywords; the same seed gives the same value."""
    return _Maker(schema, seed).value(schema, "", 0)


class _Maker:
    def __init__(self, root: dict[str, Any], seed: str) -> None:
        self._root = root
        self._seed = seed
        self._count = 0

    def _die(self, sides: int) -> int:
        """A throw from 0 up to `sides` - 1. Neighbouring throws differ, so that lists are varied."""
        self._count += 1
        start = int.from_bytes(hashlib.sha256(self._seed.encode("utf-8", "replace")).digest()[:4])
        return (start + self._count) % max(1, sides)

    def value(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][self._die(len(schema["enum"]))]
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "null")
        if kind is None:
            kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return self._die(5) != 0
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        return None if kind == "null" else self._text(schema)

    def _resolved(self, schema: Any) -> dict[str, Any]:
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict):
                return {}
            if isinstance(reference := schema.get("$ref"), str):
                schema = self._at(reference)
            elif isinstance(choices := schema.get("anyOf") or schema.get("oneOf"), list):
                schema = next((c for c in choices if c != {"type": "null"}), {})
            elif isinstance(parts := schema.get("allOf"), list) and parts:
                schema = {**{k: v for k, v in schema.items() if k != "allOf"}, **self._resolved(parts[0])}
            else:
                return schema
        return {}

    def _at(self, reference: str) -> Any:
        found: Any = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            found = (
                found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, dict) else {}
            )
        return found

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        wanted = properties if depth < _DEEPEST else schema.get("required", ())
        return {name: self.value(properties.get(name, {}), name, depth + 1) for name in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        least = schema.get("minItems", 0)
        count = max(least, min(2 if depth < _DEEPEST else 0, schema.get("maxItems", 2)))
        return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(count)]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> float:
        low = schema.get(
            "minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0)
        )
        high = schema.get("maximum", max(low, low + 9))
        number = low + self._die(10) * (high - low) / 10
        return int(number) if whole else round(float(number), 2)

    def _text(self, schema: dict[str, Any]) -> str:
        if isinstance(known := _FORMATS.get(schema.get("format", "")), str):
            return known.format(n=self._die(1_000))
        text = f"{_SUBJECTS[self._die(len(_SUBJECTS))]} {_FINDINGS[self._die(len(_FINDINGS))]}"
        text = text.ljust(schema.get("minLength", 0), ".")
        return text[: schema.get("maxLength", len(text))]
