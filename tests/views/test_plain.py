"""Runs as lines, questions in full, summaries, tables and JSON, from events alone."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.agents.protocol import TextDelta, ThinkingDelta
from piplan_tui.run import events as ev
from piplan_tui.run.asks import read_request
from piplan_tui.run.model import Usage
from piplan_tui.run.reduce import reduce
from piplan_tui.run.state import RunState
from piplan_tui.views.ask_text import ask_lines
from piplan_tui.views.json_state import state_document
from piplan_tui.views.lists import steps_table, table
from piplan_tui.views.plain import PlainPrinter
from piplan_tui.views.summary import summary, totals
from piplan_tui.views.terminal_json import dumps

UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Told:
    """A run that the test tells event by event; `lines` are what was printed."""

    def __init__(self, *steps: dict[str, Any], verbosity: int = 0) -> None:
        self.state = RunState()
        self.at = ev.EPOCH
        self.printer = PlainPrinter(self.state, lambda ask: read_request(ask.request), verbosity=verbosity)
        self.lines: list[str] = []
        self.tell(
            ev.RunCreated(
                title="Deck", plan_id="p", workspace="/w", mode="parallel", max_concurrency=2, agent="pi"
            ),
            ev.PlanCreated(plan={"id": "p", "steps": [{"title": "", "goal": "g", **step} for step in steps]}),
            ev.RunStarted(),
        )

    def tell(self, *events: ev.RuntimeEvent, after: float = 0.0) -> list[str]:
        """What these events print."""
        new: list[str] = []
        for event in events:
            self.at += timedelta(seconds=after)
            event.seq, event.at, event.run_id = self.state.seq + 1, self.at, "7f3a"
            reduce(self.state, event)
            new += self.printer.event(event)
        self.lines += new
        return new


def start(step: str, attempt: int = 1) -> ev.StepStarted:
    return ev.StepStarted(step_id=step, attempt=attempt, agent="pi", model="anthropic/claude-haiku")


def test_one_line_per_change_of_state() -> None:
    told = Told({"id": "a", "phase": "Scope"}, {"id": "b", "dependsOn": ["a"]})
    used = ev.SessionUsage(step_id="a", attempt=1, usage=Usage(input=900, output=100, cost_usd=0.5))
    told.tell(start("a"), used)
    told.tell(ev.StepCompleted(step_id="a", attempt=1, summary="It is\nthere."), after=124)
    assert told.lines == [
        "run 7f3a started: Deck (2 steps, up to 2 at once, pi)",
        "[Scope/a] started (pi haiku): a",
        "[Scope/a] completed in 2m04s, 1.0k tokens, $0.50: It is there.",
    ]


def test_a_failure_blocks_many_in_one_line() -> None:
    steps = [{"id": "a"}, *({"id": f"s{n}", "dependsOn": ["a"]} for n in range(5000))]
    told = Told(*steps)
    lines = told.tell(
        start("a"), ev.StepFailed(step_id="a", attempt=1, error="no\nluck", detail="stderr here")
    )
    assert lines[1:] == [
        "[a] failed in 0s: no",
        "[a] | luck",
        "[a] | stderr here",
        "[a] blocks 5,000 steps: s0, s1, s2, …",
    ]
    assert told.tell(ev.StepRetried(step_id="a", attempt=1)) == ["[a] will be tried again"]
    assert told.tell(start("a", 2))[0].startswith("[a] started (pi haiku, attempt 2)")


def test_a_retry_of_the_provider_and_the_heartbeat() -> None:
    told = Told({"id": "a"}, {"id": "b"})
    told.tell(start("a"))
    retrying = ev.SessionRetrying(
        step_id="a", attempt=1, retry=2, max_retries=3, delay_seconds=48, error="429 rate limit"
    )
    assert told.tell(retrying) == ["[a] 429 rate limit; try 2 of 3 in 48s"]
    told.tell(ev.SessionRecovered(step_id="a", attempt=1, ok=True))
    now = told.at + timedelta(seconds=200)
    assert told.printer.heartbeat(now, lambda _step: None) == [
        "3m20s: 0 of 2 steps done, 1 running",
        "[a] ! silent 3m20s",
    ]


def test_what_agents_say_comes_in_whole_clean_lines() -> None:
    told = Told({"id": "a"}, verbosity=2)
    told.tell(start("a"))
    said = [told.printer.said("a", TextDelta(text)) for text in ("one ", "line\nand \x1b", "]0;t\x07more")]
    assert said == [[], ["[a] | one line"], []]
    assert told.printer.said("a", ThinkingDelta("hm")) == ["[a] | and more"]
    assert told.tell(ev.StepCompleted(step_id="a", attempt=1))[0] == "[a] | ~ hm"
    quiet = Told({"id": "a"}, verbosity=1)
    assert quiet.printer.said("a", TextDelta("x\n")) == []


@given(st.text())
def test_foreign_text_never_reaches_the_terminal(text: str) -> None:
    told = Told({"id": "a", "title": text, "phase": text}, verbosity=2)
    request = {
        "message": text or "?",
        "reason": text,
        "fields": [{"name": "f", "type": "choice", "label": text, "options": [{"value": text or "x"}]}],
        "context": [{"type": "text", "title": text, "text": text}],
    }
    told.tell(
        start("a"),
        ev.SessionToolStarted(step_id="a", attempt=1, call_id="1", tool=text, target=text),
        ev.StepWaitingUser(step_id="a", attempt=1, ask_id="q", request=request),
    )
    ask = told.state.asks["q"]
    shown = ask_lines("7f3a", ask, read_request(ask.request))
    told.tell(
        ev.AskAnswered(step_id="a", attempt=1, ask_id="q", action="accept", values={"f": text}, note=text)
    )
    told.lines += told.printer.said("a", TextDelta(text + "\n"))
    told.tell(ev.StepFailed(step_id="a", attempt=2, error=text, detail=text), ev.RunFailed(reason=text))
    document = dumps(state_document(told.state, told.at))
    assert json.loads(document)["steps"][0]["title"] == (text or "a")
    printed = [
        *told.lines,
        *shown,
        *summary(told.state, told.at),
        *steps_table(told.state, told.at),
        document,
    ]
    for line in printed:
        assert not UNSAFE.search(line)
    assert all("\n" not in line for line in printed[:-1])


def test_a_question_in_full_and_how_to_answer_it() -> None:
    told = Told({"id": "my step"})
    request = {
        "title": "Audience",
        "message": "Which audience\nshould it be?",
        "reason": "It matters.",
        "fields": [
            {"name": "who", "type": "choice", "allowOther": True, "options": [
                {"value": "seed", "label": "Seed investors", "description": "short"},
                {"value": "big co", "recommended": True}]},
            {"name": "n", "type": "integer", "minimum": 1, "maximum": 20, "default": 5},
            {"name": "why", "type": "multiline", "required": False},
        ],
        "context": [{"type": "file", "path": "brief.md", "line": 12}],
    }  # fmt: skip
    lines = told.tell(
        start("my step"), ev.StepWaitingUser(step_id="my step", attempt=1, ask_id="q", request=request)
    )
    assert lines[1:] == [
        "[my step] ? my step asks: Audience",
        "    Which audience",
        "    should it be?",
        "    why: It matters.",
        "    file: brief.md:12",
        "    who (choice)",
        "      seed  Seed investors: short",
        "      big co (recommended)",
        "      or any other text",
        "    n (integer, 1 to 20, default 5)",
        "    why (multiline, optional)",
        "    answer: piplan-tui answer 7f3a 'my step' 'who=big co' n=5",
        "    answer: piplan-tui answer 7f3a 'my step' --decline",
    ]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_summary(ascii_only: bool, tmp_path: Path) -> None:
    told = Told({"id": "a", "phase": "One"}, {"id": "b", "phase": "Two", "dependsOn": ["a"]}, {"id": "c"})
    told.tell(start("a"), start("c"))
    told.tell(ev.SessionUsage(step_id="a", attempt=1, usage=Usage(input=1500, cost_usd=0.25)))
    told.tell(ev.StepFailed(step_id="a", attempt=1, error="429"), after=60)
    told.tell(ev.StepWaitingUser(step_id="c", attempt=1, ask_id="q", request={"message": "?"}), after=10)
    told.tell(ev.RunWaitingUser(ask_ids=["q"]))
    told.tell(ev.AskAnswered(step_id="c", attempt=1, ask_id="q", action="accept"), after=30)
    told.tell(ev.StepResumed(step_id="c", attempt=1), ev.StepCompleted(step_id="c", attempt=1))
    told.tell(ev.RunFailed(reason="step a failed: 429", failed_steps=["a"]))
    log = tmp_path / "1.jsonl"
    lines = summary(told.state, told.at, log_path=lambda *_: log, ascii_only=ascii_only)
    text = "\n".join(lines)
    assert lines[0] == "run 7f3a FAILED: step a failed: 429"
    assert f"{'x' if ascii_only else '✗'} 1 One" in text
    assert f"{'#' if ascii_only else '⊝'} 2 Two" in text
    assert f"failed: a: 429\n    log: {log}" in text
    assert "total: 1m40s in all, 2m10s agent time, 30s blocked by you, 1.5k tokens, $0.25" in text
    assert "  pi haiku  1.5k tokens  $0.25" in text
    assert lines[-2:] == ["next: piplan-tui retry 7f3a", "      piplan-tui show 7f3a"]
    total = totals(told.state, told.at)
    assert (total.wall_seconds, total.agent_seconds, total.attempts) == (100, 130, 2)


@given(st.lists(st.tuples(st.text("abc漢字é", max_size=5), st.text("12", max_size=3)), min_size=1))
def test_columns_stand_under_each_other(rows: list[tuple[str, str]]) -> None:
    lines = table(["NAME", "N", "X"], [(a, b, "|") for a, b in rows], right=[1])
    assert len({cell_len(line[: line.rindex(line[-1])]) for line in lines}) == 1
