"""What the user answers: checked, coerced, with secrets taken out, whatever door it comes through."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.field_check import Unfit, coerce, is_blank, is_utf8, same
from piplan_tui.run.asks.patterns import usable
from piplan_tui.run.asks.request import ActionResult, Field, InputRequest

SECRET_PREFIX = "$secret:"


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one answer, in a sentence. `name` is the field's, or empty for the whole answer."""

    name: str
    message: str


@dataclass(frozen=True)
class CheckedAnswer:
    """An answer that fits its request.

    `values` have the types of their fields and may be stored: a secret stands there as `$secret:ENV`, its text
    only in `secrets`, by the name of the environment variable. `other` names the fields that were answered
    with free text in place of an option. `notes` say what could not be checked.
    """

    values: dict[str, Any]
    other: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)
    action: ActionResult = "accept"
    action_id: str = ""


class PairError(ValueError):
    """A `key=value` of a command line cannot be read. `str()` is one sentence for the user."""


def check_values(
    request: InputRequest, values: Mapping[str, Any], *, workspace: Path | None = None
) -> CheckedAnswer | list[FieldError]:
    """`values` as an answer to `request`, or everything that is wrong with them in the order of the fields.

    What is absent gets its default. A field that is left empty is not sent, or as an empty text if that says
    something else than its default. A field that `showIf` hides is neither required nor sent.
    """
    return _check(request, values, None, workspace)


def check_answer(
    request: InputRequest, values: Mapping[str, Any], action_id: str, workspace: str
) -> CheckedAnswer | list[FieldError]:
    """`values` as an answer by the action `action_id`, or by none when that is empty.

    `workspace` is the folder of the run, from which relative paths start whoever answers; empty if there is none.
    """
    folder = Path(workspace) if workspace else None
    if action_id:
        return check_action(request, action_id, values, workspace=folder)
    return check_values(request, values, workspace=folder)


def note_problems(note: str) -> list[FieldError]:
    """What is wrong with the note that goes along with an answer."""
    return [] if is_utf8(note) else [FieldError("", "The note must be text in UTF-8")]


def check_action(
    request: InputRequest, action_id: str, values: Mapping[str, Any], *, workspace: Path | None = None
) -> CheckedAnswer | list[FieldError]:
    """The answer of a review: its action, with the fields that this action `needs` and no others.

    An action without `needs` takes all fields when it accepts, and none when it declines or cancels.
    """
    action = next((a for a in request.actions if a.id == action_id), None)
    if action is None:
        wish = action_id.casefold()
        action = next((a for a in request.actions if wish in (a.id.casefold(), a.caption.casefold())), None)
    if action is None:
        names = ", ".join(a.id for a in request.actions) or "none"
        shown = clean_text(action_id, keep_newlines=False)[:60]
        return [FieldError("", f'There is no action "{shown}"; the actions are: {names}')]
    needs = action.needs
    if needs is None and action.result != "accept":
        needs = []
    checked = _check(request, values, needs, workspace)
    if isinstance(checked, list):
        return checked
    return CheckedAnswer(
        checked.values, checked.other, checked.secrets, checked.notes, action.result, action.id
    )


def _check(
    request: InputRequest, values: Mapping[str, Any], needs: list[str] | None, workspace: Path | None
) -> CheckedAnswer | list[FieldError]:
    errors = [_unknown(request, name) for name in values if request.field(name) is None]
    coerced, other, problems = _coerced(request, values, workspace)
    shown = {f.name for f in _visible(request, coerced)} if needs is None else set(needs)
    answer: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    notes: list[str] = []
    for each in request.fields:
        name = each.name
        if name not in shown or each.type == "info":
            continue
        if name in problems:
            errors.append(FieldError(name, problems[name]))
        elif name not in coerced:
            if each.required or needs is not None:
                errors.append(FieldError(name, f"{each.caption} needs an answer"))
            elif each.has_default and each.type in ("text", "multiline", "code"):
                answer[name] = ""
            elif each.type == "multichoice" and name in values:
                answer[name] = []
        elif each.type == "secret":
            env = each.secret.env if each.secret is not None else name.upper()
            secrets[env] = coerced[name]
            answer[name] = f"{SECRET_PREFIX}{env}"
        else:
            answer[name] = coerced[name]
        if name in answer and each.pattern and not usable(each.pattern):
            notes.append(f"{each.caption} was not held against its pattern, which cannot be checked.")
    if errors:
        return errors
    return CheckedAnswer(answer, [name for name in answer if name in other], secrets, notes)


def _coerced(
    request: InputRequest, values: Mapping[str, Any], workspace: Path | None
) -> tuple[dict[str, Any], set[str], dict[str, str]]:
    """Values in their types, defaults included; names answered with free text; what is wrong by name."""
    coerced: dict[str, Any] = {}
    other: set[str] = set()
    problems: dict[str, str] = {}
    for each in request.fields:
        value = values.get(each.name, each.default if each.has_default else None)
        if each.type == "info" or (is_blank(each, value) and not _counts_when_empty(each, value)):
            continue
        try:
            coerced[each.name], free = coerce(each, value, workspace)
        except Unfit as unfit:
            problems[each.name] = str(unfit)
        else:
            if free:
                other.add(each.name)
    return coerced, other, problems


def _counts_when_empty(each: Field, value: Any) -> bool:
    """Choosing none of several is an answer where none are needed."""
    return each.type == "multichoice" and value == [] and each.min_items == 0


def _unknown(request: InputRequest, name: str) -> FieldError:
    shown = clean_text(str(name), keep_newlines=False)[:60]
    names = [f.name for f in request.fields if f.type != "info"]
    close = difflib.get_close_matches(str(name)[:80], names, 1)
    if close:
        return FieldError(str(name), f'There is no field "{shown}"; did you mean {close[0]}?')
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    listed = (", ".join(names[:10]) or "none") + more
    return FieldError(str(name), f'There is no field "{shown}"; the fields are: {listed}')


def visible_fields(request: InputRequest, values: Mapping[str, Any]) -> list[Field]:
    """The fields that are there with these (also half-written) values, in order."""
    known = {name: value for name, value in values.items() if request.field(name) is not None}
    coerced, _, problems = _coerced(request, known, None)
    return _visible(request, {**{name: known.get(name) for name in problems}, **coerced})


def _visible(request: InputRequest, coerced: Mapping[str, Any]) -> list[Field]:
    by_name = request.by_name
    decided: dict[str, bool] = {}

    def is_shown(name: str) -> bool:
        chain: list[str] = []
        # Followed in a loop, not by recursion: the chain may be as long as the form.
        while name not in decided and name not in chain:
            chain.append(name)
            rule = by_name[name].show_if
            if rule is None or rule.field not in by_name:
                decided[name] = True
                break
            name = rule.field
        for link in reversed(chain):
            rule = by_name[link].show_if
            if link not in decided and rule is not None:
                # In a circle each waits for the other: then all are shown as their values say.
                decided[link] = decided.get(rule.field, True) and _fits(rule, coerced.get(rule.field))
        return decided[chain[0] if chain else name]

    return [f for f in request.fields if is_shown(f.name)]


def _fits(rule: Any, value: Any) -> bool:
    wanted = list(rule.one_of) if rule.one_of is not None else []
    if "equals" in rule.model_fields_set:
        wanted.append(rule.equals)
    if not wanted:
        return bool(value)
    values = value if isinstance(value, list) else [value]
    return any(
        same(have, want) or (isinstance(want, str) and not isinstance(have, bool) and str(have) == want)
        for have in values
        for want in wanted
    )


def parse_pairs(request: InputRequest, pairs: Iterable[str]) -> dict[str, Any]:
    """`key=value` arguments of a command line, by field name or label in any case; values stay text.

    A key that is repeated makes a list, where the field takes several values. Unknown keys are kept:
    `check_values` reports them.

    Raises:
        PairError: a pair has no `=` or no key, or a field of one value is given twice.
    """
    names = {f.name: f for f in request.fields}
    loose = {f.caption.casefold(): f for f in request.fields} | {f.name.casefold(): f for f in request.fields}
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            shown = clean_text(pair, keep_newlines=False)[:60]
            raise PairError(f'"{shown}" must have the form name=value')
        target = names.get(key.strip()) or loose.get(key.strip().casefold())
        name = target.name if target is not None else key.strip()
        if name not in values:
            values[name] = value
        elif target is not None and (
            target.type == "multichoice" or (target.path is not None and target.path.multiple)
        ):
            before = values[name]
            values[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            raise PairError(f"{clean_text(name, keep_newlines=False)} is given twice")
    return values


def defaults_of(request: InputRequest) -> dict[str, Any] | None:
    """The answer that the request's own defaults make, or `None` when they do not make one.

    Never for a permission, a review or an address to open: those are for a person to decide.
    """
    if request.kind != "form" or request.actions:
        return None
    checked = check_values(request, {})
    return checked.values if isinstance(checked, CheckedAnswer) else None


def initial_values(request: InputRequest) -> dict[str, Any]:
    """What a form shows at first: defaults in their types, else empty; nothing is chosen for the user."""
    coerced, _, _ = _coerced(request, {}, None)
    empty: dict[str, Any] = {"multichoice": [], "boolean": None, "choice": None}
    return {
        f.name: coerced.get(f.name, f.default if f.has_default else _copied(empty.get(f.type, "")))
        for f in request.fields
        if f.type != "info"
    }


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def ask_summary(request: InputRequest) -> str:
    """The request in one line of at most 200 characters, for a row."""
    lines = (line.strip().lstrip("#>*- ").strip() for line in request.message.splitlines())
    text = clean_text(next(filter(None, lines), request.title), keep_newlines=False)
    return text if len(text) <= 200 else text[:199] + "…"
