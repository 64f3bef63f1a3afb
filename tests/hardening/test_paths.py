"""No plan, step or agent gets a file written outside its folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.plan.load import load_plan_text
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.handoff import HandoffError, write_handoff
from piplan_tui.run.model import StepExecutionInput, StepResult
from piplan_tui.run.transcript import Transcripts
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.names import file_name_for, is_safe_name
from piplan_tui.store.protocol import StoreError
from tests.run.conftest import Bench

pytestmark = pytest.mark.anyio

WAYS_OUT = [
    "../x",
    "/etc/x",
    "a/b",
    "..",
    ".",
    "",
    "a\\b",
    "con",
    "NUL.txt",
    "com1",
    "a\0b",
    "a\nb",
    ".hidden",
]
WAYS_OUT += ["x" * 300, "a\u202eb", "\ud800", "C:x", "a*", "a ", "a."]


@pytest.mark.parametrize("name", WAYS_OUT)
@pytest.mark.parametrize("whose", ["plan", "step"])
async def test_an_id_that_is_no_folder_name_is_refused(bench: Bench, name: str, whose: str) -> None:
    ids = {"plan": "p", "step": "a"} | {whose: name}
    document = {
        "id": ids["plan"],
        "title": "P",
        "steps": [{"id": ids["step"], "title": "A", "goal": "g", "dependsOn": []}],
    }
    loaded = load_plan_text(json.dumps(document).encode(), "plan.json")
    assert loaded.spec is None
    async with bench.runtime() as runtime:
        with pytest.raises((PlanInvalid, ValueError)):
            await runtime.create_run(PlanSpec.model_validate(document))
    assert bench.steps.jobs == []


@pytest.mark.parametrize("run_id", [name for name in WAYS_OUT if name not in ("a ",)] + ["a "])
async def test_a_run_id_that_is_no_folder_name_is_refused(tmp_path: Path, run_id: str) -> None:
    store = FileRuntimeStore(tmp_path / "store")
    with pytest.raises(StoreError):
        await store.open_run(run_id)
    with pytest.raises(StoreError):
        await store.save_draft(run_id, "q", {})
    assert not (tmp_path / "store").exists()


@given(st.text(max_size=300))
def test_any_ask_id_is_a_file_name(ask_id: str) -> None:
    try:
        name = file_name_for(ask_id)
    except UnicodeEncodeError:
        assert any("\ud800" <= letter <= "\udfff" for letter in ask_id)
        return
    assert "/" not in name
    assert name not in (".", "..")
    assert len(name) <= 180
    assert is_safe_name("a" + name.replace("%", "-").replace("~", "-")[:100])


def _given(workspace: Path) -> StepExecutionInput:
    return StepExecutionInput(
        run_id="r", attempt=1, plan={"id": "p"}, step={"id": "a"}, workspace=str(workspace)
    )


@pytest.mark.parametrize(
    "link", [".pi-plan-runtime", ".pi-plan-runtime/handoff", ".pi-plan-runtime/handoff/p", "last"]
)
async def test_a_link_on_the_way_to_the_handoff_folder_is_not_followed(tmp_path: Path, link: str) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    workspace.mkdir()
    outside.mkdir()
    at = workspace / (".pi-plan-runtime/handoff/p/a" if link == "last" else link)
    at.parent.mkdir(parents=True, exist_ok=True)
    at.symlink_to(outside)
    with pytest.raises(HandoffError):
        await write_handoff(_given(workspace), StepResult(status="completed"), "text")
    assert list(outside.iterdir()) == []


async def test_a_link_in_place_of_a_handoff_file_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    folder = tmp_path / ".pi-plan-runtime/handoff/p/a"
    folder.mkdir(parents=True)
    for name in ("result.json", "raw_output.txt"):
        (folder / name).symlink_to(precious)
    await write_handoff(_given(tmp_path), StepResult(status="completed"), "text")
    assert precious.read_text() == "mine"
    assert not (folder / "result.json").is_symlink()


@pytest.mark.parametrize("where", ["file", "folder"])
async def test_a_link_in_the_attempts_folder_is_not_written_through(tmp_path: Path, where: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1.jsonl").write_text("mine\n")
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    if where == "folder":
        (attempts / "a").symlink_to(outside)
    else:
        (attempts / "a").mkdir()
        (attempts / "a" / "1.jsonl").symlink_to(outside / "1.jsonl")
    transcripts = Transcripts(attempts)
    transcripts.add("a", 1, TextDelta("hello"))
    await transcripts.flush()
    assert (outside / "1.jsonl").read_text() == "mine\n"
    assert "not being kept" in transcripts.problem
    await transcripts.finish("a", 1)
    assert os.listdir(outside) == ["1.jsonl"]
