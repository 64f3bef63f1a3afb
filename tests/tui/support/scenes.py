"""Runs in the middle of things, for pictures and pilots."""

from __future__ import annotations

from typing import Any

from piplan_tui.agents.protocol import TextDelta, ThinkingDelta, ToolEnded, ToolStarted
from piplan_tui.run import events as ev
from piplan_tui.tui.app import PiplanApp
from tests.tui.support.run_double import RunDouble

AUDIENCE = {
    "message": "Which audience should the deck target?",
    "reason": "The outline changes a lot with this answer.",
    "fields": [
        {
            "name": "audience",
            "type": "choice",
            "options": [
                {"value": "seed", "label": "Seed investors", "description": "short, story first"},
                {"value": "enterprise", "label": "Enterprise buyers", "description": "ROI, security"},
            ],
        }
    ],
}


def step(step_id: str, title: str, phase: str = "", after: tuple[str, ...] = ()) -> dict[str, Any]:
    document = {
        "id": step_id,
        "title": title,
        "goal": f"{title}, as the brief says.",
        "dependsOn": list(after),
    }
    return {**document, "phase": phase} if phase else document


DECK = [
    step("scope", "Agree on the scope", "Scope"),
    step("outline", "Draft outline", "Research", ("scope",)),
    step("topic-choice", "Choose the topic", "Research", ("scope",)),
    step("competitors", "Compare competitors", "Research", ("scope",)),
    step("pricing", "Collect prices", "Research", ("scope",)),
    step("interviews", "Read the interviews", "Research", ("scope",)),
    step("survey", "Summarise the survey", "Research", ("topic-choice", "interviews")),
    step("check-audience", "Check the audience", "Verify", ("survey",)),
    step("check-numbers", "Check the numbers", "Verify", ("survey", "pricing")),
    step("synthesize", "Write the deck", "Synthesize", ("check-audience", "check-numbers")),
]


def deck(*, asking: bool = True) -> RunDouble:
    """The run of the wireframes: one done, one asks, one silent, one failed."""
    run = RunDouble(DECK, budget_usd=5.0)
    run.emit(ev.RunStarted())
    run.started("scope")
    run.used("scope", 2_100, 0.02)
    run.later(38)
    run.completed("scope")
    for name in ("outline", "topic-choice", "pricing", "interviews"):
        run.started(name)
    run.used("outline", 8_100, 0.11)
    run.used("topic-choice", 3_300, 0.04)
    run.used("pricing", 1_200, 0.01)
    run.used("interviews", 6_000, 0.09)
    run.tool("outline", "read", "docs/brief.md", ended=True)
    run.tool("pricing", "bash", "npm view pricing")
    run.later(72)
    run.failed("interviews")
    run.silent_since["pricing"] = run.clock
    run.transcripts.say(
        "pricing",
        ThinkingDelta("Two vendors publish their prices."),
        TextDelta("Reading the price lists.\n"),
        ToolStarted("c1", "bash", "npm view pricing"),
        ToolEnded("c1", True, "pricing 2.1.0\n"),
        TextDelta("The second vendor meters by token, not by call.\n"),
    )
    run.later(52)
    run.completed("outline", "An outline of nine slides.")
    run.started("competitors")
    if asking:
        run.asks("topic-choice", AUDIENCE)
    return run.later(192)


def app_on(run: RunDouble) -> PiplanApp:
    """The interface on a run that stands still."""
    app = PiplanApp(None, run=run, now=run.now)  # type: ignore[arg-type]  # nothing here reaches the runtime
    app.animation_level = "none"
    return app


def long_run(steps: int, running: int) -> RunDouble:
    """Many steps without phases, the first of which run."""
    run = RunDouble([step(f"s{n:04}", f"Step {n}") for n in range(steps)], max_concurrency=running)
    run.emit(ev.RunStarted())
    for n in range(running):
        run.started(f"s{n:04}")
    return run


def fan_out() -> RunDouble:
    """Calls that differ by a number alone, with two models; some failed for a reason at the end of a sentence."""
    name, title = "review-the-request-path-of-the-orders-api", "Review the request path of the orders API"
    names = [name, *(f"{name}-{n}" for n in range(2, 13))]
    run = RunDouble([step(each, title, "Review") for each in names], max_concurrency=9)
    run.emit(ev.RunStarted())
    for number, each in enumerate(names[:9]):
        run.started(each, model="openai/gpt-5" if number % 3 == 2 else "anthropic/claude-sonnet-4-5-20250929")
        run.used(each, 1_200 * (number + 1), 0.02)
        run.tool(each, "read", "src/orders.py", ended=True)
    run.later(75)
    for each in names[:2]:
        run.completed(each)
    for each in names[2:5]:
        run.failed(each, "the provider of gpt-5 limits the rate of requests: 429 wait until the hour is over")
    return run
