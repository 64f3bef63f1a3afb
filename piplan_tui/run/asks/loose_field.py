"""One field, read from whatever a model wrote for it."""

from __future__ import annotations

import re
from typing import Any, get_args

import pydantic

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.bounds import MAX_LABEL, MAX_OPTIONS, shortened
from piplan_tui.run.asks.patterns import usable
from piplan_tui.run.asks.request import Field, FieldType, Option, OptionKind

TYPES: frozenset[str] = frozenset(get_args(FieldType))
ALIASES: dict[str, str] = {
    **dict.fromkeys(("string", "str", "input", "line", "email", "url", "uri", "tel", "shorttext", "any"), "text"),
    **dict.fromkeys(("textarea", "longtext", "paragraph", "markdown", "editor", "multilinetext"), "multiline"),
    **dict.fromkeys(("password", "token", "apikey", "credential"), "secret"),
    **dict.fromkeys(("int", "wholenumber", "count"), "integer"),
    **dict.fromkeys(("float", "double", "decimal", "numeric", "range", "slider"), "number"),
    **dict.fromkeys(("bool", "confirm", "confirmation", "toggle", "switch", "yesno", "checkbox"), "boolean"),
    **dict.fromkeys(("select", "singleselect", "dropdown", "radio", "radios", "enum", "options", "option",
                     "combobox", "list"), "choice"),
    **dict.fromkeys(("multiselect", "checkboxes", "checkboxgroup", "multi", "tags", "multiplechoice"),
                    "multichoice"),
    **dict.fromkeys(("datetime", "datetimelocal", "timestamp"), "datetime"),
    **dict.fromkeys(("file", "filepath", "dir", "directory", "folder", "files"), "path"),
    **dict.fromkeys(("object", "dict", "map", "array"), "json"),
    **dict.fromkeys(("script", "sql", "source"), "code"),
    **dict.fromkeys(("note", "static", "display", "heading"), "info"),
}  # fmt: skip
OPTION_KEYS = ("options", "choices", "enum", "values", "items", "response_options", "responseOptions")
_RESERVED_ENV = re.compile(
    r"^(PATH|HOME|USER|SHELL|IFS|ENV|BASH_.*|LD_.*|DYLD_.*|PYTHON.*|NODE_.*|GIT_.*|PIPLAN_.*)$"
)
_NOT_ENV = re.compile(r"[^A-Z0-9_]+")
_WORD = re.compile(r"[A-Za-z][\w-]*")
_FORMATS = ("email", "uri", "date", "date-time")
_NUMBERS = (
    ("minLength", "min_length"), ("maxLength", "max_length"), ("minItems", "min_items"),
    ("maxItems", "max_items"),
)  # fmt: skip
_KNOWN = frozenset((
    "name", "id", "key", "field", "type", "label", "title", "description", "help", "prompt", "question",
    "text", "message", "required", "optional", "default", "placeholder", "examples", "options", "choices",
    "enum", "values", "items", "enumNames", "allowOther", "allow_other", "isOther", "custom", "other",
    "minLength", "min_length", "maxLength", "max_length", "pattern", "patternHint", "pattern_hint",
    "format", "minimum", "min", "maximum", "max", "step", "multipleOf", "minItems", "min_items",
    "maxItems", "max_items", "language", "path", "mustExist", "glob", "base", "select", "schema", "secret",
    "env", "showIf", "show_if", "page", "header", "multiple", "multiSelect", "multi_select", "multi",
    "isSecret", "sourceName", "initial", "value", "hint", "response_options", "responseOptions",
))  # fmt: skip


def first_text(spec: dict[str, Any], *keys: str, limit: int = MAX_LABEL, lines: bool = False) -> str:
    """The first of these that is text, clean and not too long."""
    for key in keys:
        value = spec.get(key)
        if isinstance(value, str) and value.strip():
            return shortened(clean_text(value, keep_newlines=lines).strip(), limit)
    return ""


def truth(value: Any) -> bool | None:
    """What a loosely written yes or no means."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in ("true", "yes", "y", "on", "1", "required"):
            return True
        if word in ("false", "no", "n", "off", "0", "optional", ""):
            return False
    return None


def number_of(value: Any) -> int | float | None:
    """A number, also one that was written as text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
        try:
            found = float(value)
        except ValueError:
            return None
        return found if abs(found) < 1e300 else None
    return None


def type_of(word: Any) -> str | None:
    """The field type that a word such as `dropdown` or `int` stands for."""
    if isinstance(word, list):
        word = next((w for w in word if w != "null"), None)
    if not isinstance(word, str):
        return None
    plain = re.sub(r"[\s_-]+", "", word).casefold()
    return plain if plain in TYPES else ALIASES.get(plain)


def options_of(raw: Any, names: Any = None) -> list[dict[str, Any]]:
    """Options in canonical form, from values, objects or a dict of value → label."""
    if isinstance(raw, str):
        raw = [part.strip() for part in re.split(r"[|,\n]", raw) if part.strip()]
    if isinstance(raw, dict):
        raw = [{"value": k, "label": v} if isinstance(v, str) else {**v, "value": v.get("value", k)}
               if isinstance(v, dict) else {"value": k} for k, v in raw.items()]  # fmt: skip
    if not isinstance(raw, list):
        return []
    found: list[dict[str, Any]] = []
    seen: set[tuple[str, Any]] = set()
    for index, item in enumerate(raw):
        option = _option(item)
        if option is None:
            continue
        if isinstance(names, list) and index < len(names) and isinstance(names[index], str):
            option["label"] = shortened(clean_text(names[index], keep_newlines=False), MAX_LABEL)
        identity = (type(option["value"]).__name__, option["value"])
        if identity not in seen:
            seen.add(identity)
            found.append(option)
        if len(found) == MAX_OPTIONS:
            break
    return found


def _option(item: Any) -> dict[str, Any] | None:
    if isinstance(item, str | int | float):
        shown = shortened(clean_text(str(item), keep_newlines=False), MAX_LABEL)
        return {"value": item} if shown == str(item) else {"value": item, "label": shown or "(blank)"}
    if not isinstance(item, dict):
        return None
    value = next(
        (item[k] for k in ("value", "const", "optionId", "id", "name", "label", "title", "text", "key")
         if isinstance(item.get(k), str | int | float)),
        None,
    )  # fmt: skip
    if value is None:
        return None
    option: dict[str, Any] = {
        k: v for k, v in item.items()
        if k not in ("value", "label", "description", "preview", "recommended", "key", "kind")
    }  # fmt: skip
    option["value"] = value
    label = first_text(item, "label", "title", "name", "text") or clean_text(str(value), keep_newlines=False)
    if label != str(value):
        option["label"] = shortened(label, MAX_LABEL) or "(blank)"
    if description := first_text(item, "description", "hint", limit=2_000, lines=True):
        option["description"] = description
    if preview := first_text(item, "preview", "markdown", limit=10_000, lines=True):
        option["preview"] = preview
    if (recommended := truth(item.get("recommended"))) is not None:
        option["recommended"] = recommended
    if len(key := first_text(item, "key")) == 1:
        option["key"] = key
    if item.get("kind") in get_args(OptionKind):
        option["kind"] = item["kind"]
    return option


def env_name(wish: str) -> str:
    """A safe name for the environment variable of a secret: never one that a program trusts."""
    name = _NOT_ENV.sub("_", wish.upper()).strip("_")[:60] or "SECRET"
    return f"ASK_{name}" if name[0].isdigit() or _RESERVED_ENV.match(name) else name


def spec_of(value: Any) -> dict[str, Any]:
    """The specification that stands behind a name in a dict of fields.

    A type's name is a type (`integer`, `string, optional`), `a|b|c` and a list are options, a number or a
    boolean is a default; any other text describes the field, for a guess must not become an answer.
    """
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return {"type": "choice", "options": value} if value else {}
    if isinstance(value, bool | int | float):
        return {"default": value}
    if not isinstance(value, str) or not value.strip():
        return {}
    spec: dict[str, Any] = {}
    word = _WORD.match(value.strip())
    kind = type_of(value) or (type_of(word.group()) if word and not value.strip().endswith("?") else None)
    rest = value.strip()[word.end() :].strip(" :,-()") if word else ""
    if kind is None and "|" in value and "\n" not in value:
        return {"type": "choice", "options": value.strip(" ()<>")}
    if kind is None or (rest and not re.match(r"^[\s,:(\[|-]", value.strip()[word.end() :] if word else "")):
        return {"description": value}
    spec["type"] = kind
    if "|" in rest and kind in ("choice", "multichoice", "text"):
        spec |= {"type": "multichoice" if kind == "multichoice" else "choice", "options": rest}
    elif rest and type_of(value) is None:
        spec["description"] = rest
    if re.search(r"\boptional\b", value, re.IGNORECASE):
        spec["required"] = False
    return spec


def _type_for(spec: dict[str, Any], options: list[dict[str, Any]]) -> str:
    named = type_of(spec.get("type"))
    many = any(truth(spec.get(k)) for k in ("multiple", "multiSelect", "multi_select", "multi"))
    written = spec.get("type")
    if options and named in (None, "text", "choice", "boolean", "json", "number", "integer"):
        checkbox = named == "boolean" or (
            isinstance(written, str) and written.casefold() in ("array", "list")
        )
        return "multichoice" if many or checkbox else "choice"
    if named == "text":
        form = spec.get("format")
        if form in ("date", "date-time", "password"):
            return {"date": "date", "date-time": "datetime"}.get(form, "secret")
    if truth(spec.get("isSecret")) or isinstance(spec.get("secret"), dict):
        return "secret"
    if named in ("choice", "multichoice") and not options:
        return "text" if named == "choice" and not many else "json"
    if named is not None:
        return named
    default = spec.get("default")
    if isinstance(default, bool):
        return "boolean"
    if isinstance(default, int):
        return "integer"
    if isinstance(default, float):
        return "number"
    if isinstance(default, dict | list):
        return "json"
    return (
        "path"
        if isinstance(spec.get("path"), dict)
        else "json"
        if isinstance(spec.get("schema"), dict)
        else "text"
    )


def read_field(spec: dict[str, Any], name: str, notes: list[str]) -> Field:
    """The field that `spec` describes, under a `name` that is already free and clean."""
    raw_options = next((spec[k] for k in OPTION_KEYS if spec.get(k)), None)
    if isinstance(raw_options, dict) and isinstance(raw_options.get("enum"), list):
        raw_options = raw_options["enum"]
    elif isinstance(raw_options, dict) and "type" in raw_options:
        raw_options = None
    options = options_of(raw_options, spec.get("enumNames"))
    kind = _type_for(spec, options)
    doc: dict[str, Any] = {k: v for k, v in spec.items() if k not in _KNOWN and not hasattr(Field, k)}
    doc |= {"name": name, "type": kind}
    if label := first_text(spec, "label", "title"):
        doc["label"] = label
    texts = ("description", "help", "hint", "prompt", "question", "text", "message")
    if text := first_text(spec, *texts, limit=4_000, lines=True):
        if not label and len(text) <= 80 and "\n" not in text and not spec.get("description"):
            doc["label"] = text
        else:
            doc["description"] = text
    required = truth(spec.get("required"))
    if required is None and (optional := truth(spec.get("optional"))) is not None:
        required = not optional
    if required is not None:
        doc["required"] = required
    if kind == "info":
        doc["required"] = False
    for key, limit in (("placeholder", MAX_LABEL), ("pattern", 1_000), ("language", 40)):
        if isinstance(spec.get(key), str) and spec[key]:
            doc[key] = shortened(
                spec[key] if key == "pattern" else clean_text(spec[key], keep_newlines=False), limit
            )
    if doc.get("pattern") and not usable(doc["pattern"]):
        notes.append(f"The pattern of {name} is not one that can be checked.")
    if hint := first_text(spec, "patternHint", "pattern_hint"):
        doc["patternHint"] = hint
    if page := first_text(spec, "page", "header"):
        doc["page"] = shortened(page, 24)
    if spec.get("format") in _FORMATS:
        doc["format"] = spec["format"]
    elif spec.get("type") in ("email", "url", "uri"):
        doc["format"] = "email" if spec["type"] == "email" else "uri"
    if isinstance(spec.get("examples"), list):
        doc["examples"] = spec["examples"][:20]
    if isinstance(spec.get("sourceName"), str):
        doc["sourceName"] = spec["sourceName"]
    _add_limits(doc, spec)
    _add_kind(doc, spec, kind, options, notes)
    default = next((spec[k] for k in ("default", "initial", "value") if spec.get(k) is not None), None)
    if kind == "secret" and default is not None:
        notes.append(f"The default of the secret {name} was left out.")
    elif default is not None and kind != "info":
        doc["default"] = default
    try:
        return Field.model_validate(doc)
    except (pydantic.ValidationError, RecursionError):
        notes.append(f"Not all settings of {name} could be read.")
        return Field(name=name, type="text", label=label or "")


def _add_limits(doc: dict[str, Any], spec: dict[str, Any]) -> None:
    for key, snake in _NUMBERS:
        value = number_of(spec.get(key, spec.get(snake)))
        if value is not None and value >= 0:
            doc[key] = int(value)
    for key, short in (("minimum", "min"), ("maximum", "max")):
        if (value := number_of(spec.get(key, spec.get(short)))) is not None:
            doc[key] = value
    step = number_of(spec.get("step", spec.get("multipleOf")))
    if step is not None and step > 0:
        doc["step"] = step


def _add_kind(
    doc: dict[str, Any], spec: dict[str, Any], kind: str, options: list[dict[str, Any]], notes: list[str]
) -> None:
    if kind in ("choice", "multichoice"):
        doc["options"] = [Option.model_validate(option) for option in options]
        other = next(
            (spec[k] for k in ("allowOther", "allow_other", "isOther", "custom", "other") if k in spec), None
        )
        if truth(other) is not None:
            doc["allowOther"] = truth(other)
    elif kind == "secret":
        rule = spec["secret"] if isinstance(spec.get("secret"), dict) else {}
        wish = rule.get("env") or spec.get("env")
        env = env_name(wish if isinstance(wish, str) and wish else doc["name"])
        if isinstance(wish, str) and wish != env:
            notes.append(f"The secret {doc['name']} goes to the variable {env}.")
        remember = rule.get("remember")
        doc["secret"] = {"env": env, "remember": remember if remember in ("run", "keyring") else "no"}
    elif kind == "path":
        rule = spec["path"] if isinstance(spec.get("path"), dict) else spec
        select = rule.get("select")
        if select not in ("file", "dir", "any"):
            word = str(spec.get("type", "")).casefold()
            select = {
                "file": "file",
                "filepath": "file",
                "dir": "dir",
                "directory": "dir",
                "folder": "dir",
            }.get(word, "any")
        doc["path"] = {
            "select": select,
            "multiple": bool(truth(rule.get("multiple"))),
            "mustExist": bool(truth(rule.get("mustExist"))),
            "glob": rule["glob"] if isinstance(rule.get("glob"), str) else "",
            "base": rule["base"] if isinstance(rule.get("base"), str) else "",
        }
    elif kind == "json":
        schema = spec.get("schema")
        if isinstance(schema, dict):
            doc["schema"] = schema
        elif type_of(spec.get("type")) in ("multichoice", "choice"):
            doc["schema"] = {"type": "array", "items": {"type": "string"}}
    shown = spec.get("showIf", spec.get("show_if"))
    if isinstance(shown, dict) and isinstance(shown.get("field"), str):
        doc["showIf"] = {k: v for k, v in shown.items() if k in ("field", "equals")}
        if isinstance(shown.get("in"), list):
            doc["showIf"]["in"] = shown["in"]
