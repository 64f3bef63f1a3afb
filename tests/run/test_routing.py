"""Which agent a step gets."""

from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.reduce import fold, reduce
from piplan_tui.run.routing import Route, routes
from piplan_tui.run.state import RunState
from tests.run.plans import plan_document

OWN = Route(agent="pi", model="m", provider="p", thinking="low", tools=("read",))


def state(rules: dict[str, Any], **fields: Any) -> RunState:
    """A run of one step, `a`, that has these fields."""
    document = plan_document({"a": []})
    document["steps"][0] |= fields
    settings = {"provider": "p", "thinking": "low", "tools": ["read"], "steps": rules}
    created = ev.RunCreated(
        title="t",
        plan_id="p",
        workspace="/",
        mode="serial",
        max_concurrency=1,
        agent="pi",
        model="m",
        settings=settings,
    )
    return fold([created, ev.PlanCreated(plan=document)])


def chosen(rules: dict[str, Any], **fields: Any) -> tuple[Route, ...]:
    made = state(rules, **fields)
    return routes(made, made.steps["a"])


def test_without_rules_it_is_the_runs_own() -> None:
    assert chosen({}) == (OWN,)
    assert chosen({"by": {"role": {"designer": {"agent": "demo"}}}}, role="writer") == (OWN,)
    assert chosen({"by": {"role": {"designer": {"agent": "demo"}}}}) == (OWN,)


def test_a_rule_for_the_same_agent_changes_only_what_it_names() -> None:
    rules = {"by": {"role": {"designer": {"thinking": "high", "tools": []}}}}
    expected = Route(agent="pi", model="m", provider="p", thinking="high", tools=())
    assert chosen(rules, role="designer") == (expected,)
    model = {"by": {"role": {"designer": {"model": "x/y"}}}}
    assert chosen(model, role="designer")[0].provider == "", "the provider belonged to the other model"


def test_another_agent_takes_nothing_over() -> None:
    rules = {"by": {"role": {"designer": {"agent": "acp:claude", "model": "opus"}}}}
    assert chosen(rules, role="designer") == (Route(agent="acp:claude", model="opus"),)


def test_later_rules_go_over_earlier_ones_and_lists_fit_by_each_item() -> None:
    rules = {
        "by": {
            "role": {"designer": {"agent": "demo", "model": "one"}},
            "tags": {"slow": {"model": "two"}, "art": {"thinking": "high"}},
            "phase": {"Draw": {"tools": ["edit"]}},
        }
    }
    route = chosen(rules, role="designer", tags=["art", "slow", 3], phase="Draw")[0]
    assert route == Route(agent="demo", model="two", thinking="high", tools=("edit",))


@pytest.mark.parametrize(("value", "key"), [(3, "3"), (True, "true"), ("3", "3")])
def test_values_are_compared_as_the_file_writes_them(value: Any, key: str) -> None:
    assert chosen({"by": {"level": {key: {"agent": "demo"}}}}, level=value)[0].agent == "demo"


@pytest.mark.parametrize("value", [None, {"a": 1}, [], [[]]])
def test_other_values_fit_nothing(value: Any) -> None:
    assert chosen({"by": {"level": {"None": {"agent": "demo"}}}}, level=value) == (OWN,)


def test_fallbacks_follow_and_a_rules_own_go_before_those_of_all() -> None:
    rules: dict[str, Any] = {
        "fallback": ["pi", "demo", {"agent": "pi", "model": "big/one"}],
        "by": {"role": {"designer": {"agent": "acp:x", "fallback": ["pi"]}}},
    }
    all_steps = chosen(rules)
    assert [route.agent for route in all_steps] == ["pi", "demo", "pi"], "the first choice is not repeated"
    assert all_steps[2] == Route(agent="pi", model="big/one", thinking="low", tools=("read",))
    assert chosen(rules, role="designer") == (Route(agent="acp:x"), OWN)


def test_what_the_user_chose_for_this_step_goes_before_rules() -> None:
    rules: dict[str, Any] = {"fallback": ["demo"], "by": {"id": {"a": {"agent": "acp:x", "model": "n"}}}}
    made = state(rules)
    reduce(made, ev.StepRetried(step_id="a", model="chosen"))
    assert [(r.agent, r.model) for r in routes(made, made.steps["a"])] == [("acp:x", "chosen"), ("demo", "")]
    reduce(made, ev.StepRetried(step_id="a", agent="pi"))
    assert [(r.agent, r.model) for r in routes(made, made.steps["a"])] == [("pi", "chosen")]


def test_what_shares_a_limit() -> None:
    assert Route(agent="pi").quota == "pi"
    assert Route(agent="pi", model="opus", provider="anthropic").quota == "pi anthropic"
    assert Route(agent="pi", model="anthropic/opus").quota == "pi anthropic"
