from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.resources import examples_dir
from piplan_tui.workflow.javascript import check_javascript, javascript_meta, static_phases
from tests.workflow.js.hosts import FakeHost, run

pytestmark = pytest.mark.anyio

SOURCE = (examples_dir() / "deep_research.js").read_text(encoding="utf-8")
PHASES = ["Scope", "Research", "Verify", "Synthesize"]


def answer(prompt: str, options: dict[str, Any]) -> Any:
    properties = options.get("schema", {}).get("properties", {})
    if "angles" in properties:
        return {"angles": ["one", "two", "three"]}
    if "claims" in properties:
        about = options["label"].removeprefix("extract ")
        return {"claims": [f"claim {about}.1", f"claim {about}.2"]}
    if "refuted" in properties:
        return {"refuted": prompt.endswith("claim 2.1"), "reason": "because"}
    return f"text for {options['label']}"


def test_it_has_no_problems_and_shows_its_phases() -> None:
    assert check_javascript(SOURCE, "deep_research.js") == []
    assert javascript_meta(SOURCE)["name"] == "deep-research"
    assert static_phases(SOURCE) == PHASES


async def test_it_makes_26_calls_and_drops_what_was_refuted() -> None:
    host = FakeHost(answer, args={"question": "Why?"})
    result = await run(SOURCE, host)
    assert len(host.prompts) == 26
    assert [sum(options["phase"] == phase for options in host.options) for phase in PHASES] == [1, 6, 18, 1]
    assert [entry["claim"] for entry in result["claims"] if not entry["stands"]] == ["claim 2.1"]
    assert result["report"] == "text for synthesize"
    assert "claim 2.1" not in host.prompts[-1]
    assert len({(options["path"], options["label"]) for options in host.options}) == 26


async def test_it_goes_on_when_agents_fail() -> None:
    def failing(prompt: str, options: dict[str, Any]) -> Any:
        return None if options["label"] in {"investigate 1", "extract 2"} else answer(prompt, options)

    host = FakeHost(failing)
    result = await run(SOURCE, host)
    assert len(host.prompts) == 1 + 3 + 2 + 2 * 3 + 1
    assert len(result["claims"]) == 2
