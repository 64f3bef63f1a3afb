from __future__ import annotations

from piplan_tui.run import events as ev
from piplan_tui.run.model import UserInput
from piplan_tui.run.redact import Redactor, redacted_json


def test_secrets_are_replaced_wherever_they_stand_in_a_struct() -> None:
    redactor = Redactor()
    redactor.learn({"TOKEN": "hunter2"})
    event = ev.StepFailed(step_id="a", attempt=1, error="bad token hunter2", detail="x")
    assert redactor.value(event).error == "bad token $secret:TOKEN"
    assert event.error == "bad token hunter2", "the original is not changed"
    nested = ev.StepWaitingUser(
        step_id="a", attempt=1, ask_id="q", request={"fields": [{"default": "hunter2"}]}
    )
    assert redactor.value(nested).request == {"fields": [{"default": "$secret:TOKEN"}]}
    given = UserInput(ask_id="q", message="m", action="accept")
    assert redactor.value(given) is given


def test_short_values_are_left_because_replacing_them_would_garble_everything() -> None:
    redactor = Redactor()
    redactor.learn({"PIN": "a"})
    assert redactor.text("banana") == "banana"


def test_json_escapes_do_not_hide_a_secret() -> None:
    redactor = Redactor()
    redactor.learn({"TOKEN": 'pä"ss\\'})
    assert b"$secret:TOKEN" in redacted_json(b'{"text":"p\\u00e4\\"ss\\\\"}', redactor)
    assert b"$secret:TOKEN" in redacted_json('{"text":"pä\\"ss\\\\"}'.encode(), redactor)
