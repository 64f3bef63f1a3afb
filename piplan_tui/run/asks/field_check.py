"""One value against one field: coerced to its type, or a sentence that says what would be right."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.patterns import glob_matches, matches
from piplan_tui.run.asks.request import Field, Option, PathRule

_TRUE = frozenset(("true", "yes", "y", "on", "1"))
_FALSE = frozenset(("false", "no", "n", "off", "0"))
_EMAIL = r"^[^@\s]+@[^@\s]+$"
_WHOLE = re.compile(r"[+-]?\d{1,30}(?:\.0+)?")


class Unfit(Exception):
    """A value does not fit its field. `str()` is one sentence for the user."""


def coerce(field: Field, value: Any, workspace: Path | None = None) -> tuple[Any, bool]:
    """The value in the field's type, and whether it is free text in place of an option.

    `value` may be text, as it is typed on a command line. `workspace` is what relative paths start from; the
    current folder when it is not given.

    Raises:
        Unfit: it does not fit.
    """
    if not is_utf8(value):
        raise _unfit(field, "must be text in UTF-8", value)
    if field.type == "choice":
        return _choice(field, value)
    coerced: Any
    free = False
    if field.type == "multichoice":
        coerced, free = _multichoice(field, value)
    elif field.type == "path":
        coerced = _paths(field, value, workspace or Path.cwd())
    else:
        coerced = _COERCE[field.type](field, value)
    if not is_utf8(coerced):  # JSON may write half of a surrogate pair as an escape
        raise _unfit(field, "must be text in UTF-8", coerced)
    return coerced, free


def is_utf8(value: Any) -> bool:
    """Whether all text of a JSON value can be stored: a byte of a command line that is no UTF-8 cannot."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_blank(field: Field, value: Any) -> bool:
    """Whether this is no answer at all."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list | tuple) and not value and field.type != "json"


def shown(field: Field, value: Any) -> str:
    """A value as a sentence quotes it; never that of a secret."""
    if field.type == "secret":
        return "something else"
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    text = clean_text(text, keep_newlines=False)
    return json.dumps(text if len(text) <= 60 else text[:59] + "…", ensure_ascii=False)


def _unfit(field: Field, what: str, value: Any) -> Unfit:
    return Unfit(f"{field.caption} {what}; you gave {shown(field, value)}")


def _range(low: Any, high: Any) -> str:
    if low is not None and low == high:
        return f" of exactly {low}"
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if low is not None else f" of at most {high}" if high is not None else ""


def _text(field: Field, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _unfit(field, "must be text", value)
    text = str(value)
    low, high = field.min_length or None, field.max_length
    if (low is not None and len(text) < low) or (high is not None and len(text) > high):
        count = "1 character" if len(text) == 1 else f"{len(text)} characters"
        raise Unfit(f"{field.caption} must have a length{_range(low, high)}; you gave {count}")
    if field.pattern and not matches(field.pattern, text):
        hint = field.pattern_hint or f"match {clean_text(field.pattern, keep_newlines=False)}"
        raise _unfit(field, f"does not have the right form ({hint})", text)
    if field.format == "email" and not matches(_EMAIL, text):
        raise _unfit(field, "must be an e-mail address such as ann@example.org", text)
    if field.format == "uri" and not _is_uri(text):
        raise _unfit(field, "must be an address such as https://example.org", text)
    if field.format == "date":
        _date(field, text)
    if field.format == "date-time":
        _datetime(field, text)
    return text


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", text)


def _number(field: Field, value: Any) -> int | float:
    whole = field.type == "integer"
    right = "must be a whole number" if whole else "must be a number"
    right += _range(field.minimum, field.maximum)
    number: int | float
    if isinstance(value, str):
        text = value.strip()
        if whole or _WHOLE.fullmatch(text):
            if not _WHOLE.fullmatch(text):
                raise _unfit(field, right, value)
            number = int(text.partition(".")[0])
        else:
            try:
                number = float(text.replace("_", "x"))
            except ValueError:
                raise _unfit(field, right, value) from None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise _unfit(field, right, value)
    else:
        number = value
    if isinstance(number, float):
        if not math.isfinite(number) or (whole and not number.is_integer()):
            raise _unfit(field, right, value)
        number = int(number) if whole else number
    low, high = field.minimum, field.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise _unfit(field, right, value)
    if field.step and not _on_step(number, field.step, low or 0):
        raise _unfit(field, f"must be in steps of {field.step} from {low or 0}", value)
    return number


def _on_step(number: float, step: float, start: float) -> bool:
    try:
        return (Decimal(str(number)) - Decimal(str(start))) % Decimal(str(step)) == 0
    except InvalidOperation:
        return True


def _boolean(field: Field, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, str | int) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _unfit(field, "must be yes or no", value)


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: a number is no boolean."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def find_option(field: Field, value: Any) -> Option | None:
    """The option that a value, or a text that a person typed, means: by value, then by label, any case last."""
    for option in field.options:
        if same(option.value, value):
            return option
    if not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    readings: tuple[Callable[[Option], str], ...] = (lambda o: str(o.value), lambda o: o.caption)
    for reading in readings:
        for option in field.options:
            if reading(option) == text:
                return option
    for reading in readings:
        for option in field.options:
            if reading(option).casefold() == text.casefold():
                return option
    return None


def _names(options: Iterable[Option]) -> str:
    names = [clean_text(str(option.value), keep_newlines=False) for option in options]
    if len(names) > 8:
        return ", ".join(names[:8]) + f" … ({len(names)} in all)"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"


def _choice(field: Field, value: Any) -> tuple[Any, bool]:
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    option = find_option(field, value)
    if option is not None:
        return option.value, False
    if field.allow_other and isinstance(value, str) and value.strip():
        return _text(field, value), True
    raise _unfit(field, f"must be {_names(field.options)}", value)


def _multichoice(field: Field, value: Any) -> tuple[list[Any], bool]:
    items = _items(field, value)
    chosen: list[Any] = []
    other = False
    for item in items:
        option = find_option(field, item)
        if option is not None:
            taken: Any = option.value
        elif field.allow_other and isinstance(item, str) and item.strip():
            taken, other = item.strip(), True
        else:
            raise _unfit(field, f"must be some of {_names(field.options)}", item)
        if not any(same(taken, c) for c in chosen):
            chosen.append(taken)
    low, high = field.min_items, field.max_items
    if low is None and field.required:
        low = 1
    if (low is not None and len(chosen) < low) or (high is not None and len(chosen) > high):
        raise Unfit(f"{field.caption} needs a number of choices{_range(low, high)}; you gave {len(chosen)}")
    return chosen, other


def _items(field: Field, value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, str):
        return [value]
    if find_option(field, value) is not None:
        return [value]
    if value.lstrip().startswith("["):
        try:
            decoded = json.loads(value)
        except (ValueError, RecursionError):
            decoded = None
        if isinstance(decoded, list):
            return decoded
    return [part.strip() for part in value.split(",") if part.strip()]


def _date(field: Field, value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    try:
        return date.fromisoformat(value.strip()).isoformat()
    except (ValueError, AttributeError):
        raise _unfit(field, "must be a date such as 2026-05-31", value) from None


def _datetime(field: Field, value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    try:
        return datetime.fromisoformat(value.strip()).isoformat()
    except (ValueError, AttributeError):
        raise _unfit(field, "must be a date and time such as 2026-05-31T14:00", value) from None


def _json(field: Field, value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            where = (
                f" (line {error.lineno}, column {error.colno})"
                if isinstance(error, json.JSONDecodeError)
                else ""
            )
            raise _unfit(field, f"must be JSON{where}", value) from None
    if field.json_schema is not None:
        # few fields have a schema, and what checks one is slow to load
        from piplan_tui.run.asks.value_schema import schema_problem

        if problem := schema_problem(field.json_schema, value):
            raise Unfit(f"{field.caption} does not have the right shape: {problem}")
    return value


def _paths(field: Field, value: Any, root: Path) -> Any:
    rule = field.path or PathRule()
    if not rule.multiple:
        return _path(field, rule, value, root)
    parts = (
        value.splitlines()
        if isinstance(value, str)
        else value
        if isinstance(value, list | tuple)
        else [value]
    )
    found = [_path(field, rule, part, root) for part in parts if part != ""]
    low, high = field.min_items or (1 if field.required else None), field.max_items
    if (low is not None and len(found) < low) or (high is not None and len(found) > high):
        raise Unfit(f"{field.caption} needs a number of paths{_range(low, high)}; you gave {len(found)}")
    return found


def _path(field: Field, rule: PathRule, value: Any, root: Path) -> str:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise _unfit(field, "must be a path", value)
    try:
        root = root.resolve()
        base = (root / rule.base).resolve()
        written = Path(value.strip()).expanduser()
        path = (base / written).resolve()
        beside = (root / written).resolve()
        if not path.exists() and beside.exists() and beside.is_relative_to(base):
            path = beside
        if rule.base and not path.is_relative_to(base):
            raise _unfit(field, f"must be inside {clean_text(rule.base, keep_newlines=False)}", value)
        if rule.must_exist and not path.exists():
            raise _unfit(field, "must be something that exists", value)
        if path.exists():
            if rule.select == "file" and not path.is_file():
                raise _unfit(field, "must be a file", value)
            if rule.select == "dir" and not path.is_dir():
                raise _unfit(field, "must be a folder", value)
    except (OSError, RuntimeError, ValueError):
        raise _unfit(field, "must be a path", value) from None
    start = base if path.is_relative_to(base) else root
    inside = path.relative_to(start).as_posix() if path.is_relative_to(start) else path.name
    if rule.glob and not glob_matches(rule.glob, inside):
        raise _unfit(field, f"must fit {clean_text(rule.glob, keep_newlines=False)}", value)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _info(field: Field, value: Any) -> Any:
    raise Unfit(f"{field.caption} is only there to be read and takes no answer")


_COERCE: dict[str, Callable[[Field, Any], Any]] = {
    "text": _text, "multiline": _text, "code": _text, "secret": _text, "number": _number, "integer": _number,
    "boolean": _boolean, "date": _date, "datetime": _datetime, "json": _json, "info": _info,
}  # fmt: skip
