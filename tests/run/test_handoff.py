from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from piplan_tui.run.handoff import HandoffError, prepare_workspace, write_handoff
from piplan_tui.run.model import StepExecutionInput, StepResult

pytestmark = pytest.mark.anyio


def given(workspace: Path, step_id: str = "outline", *, run_id: str = "r") -> StepExecutionInput:
    return StepExecutionInput(
        run_id=run_id, attempt=2, plan={"id": "deck-plan"}, step={"id": step_id}, workspace=str(workspace)
    )


async def test_the_files_are_where_the_seed_has_them_and_hash_to_the_descriptor(tmp_path: Path) -> None:
    result = StepResult(status="completed", summary="done", document={"status": "completed", "slides": 5})
    handoff = await write_handoff(given(tmp_path), result, "All done: ✓\n")
    assert handoff.directory == ".pi-plan-runtime/handoff/deck-plan/outline"
    assert [file.name for file in handoff.files] == ["result.json", "raw_output.txt"]
    for file in handoff.files:
        data = (tmp_path / file.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
    written = json.loads((tmp_path / handoff.directory / "result.json").read_text())
    assert (written["slides"], written["stepId"], written["attempt"]) == (5, "outline", 2)


async def test_a_second_attempt_replaces_the_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    for text in ("first", "second"):
        handoff = await write_handoff(given(tmp_path), StepResult(status="completed", summary=text), text)
    folder = tmp_path / handoff.directory
    assert sorted(path.name for path in folder.iterdir()) == ["raw_output.txt", "result.json"]
    assert (folder / "raw_output.txt").read_text() == "second"


@pytest.mark.parametrize("link", [".pi-plan-runtime", ".pi-plan-runtime/handoff/deck-plan/outline"])
async def test_a_link_that_an_agent_left_is_not_followed(tmp_path: Path, link: str) -> None:
    workspace, outside = tmp_path / "workspace", tmp_path / "outside"
    outside.mkdir()
    (workspace / link).parent.mkdir(parents=True)
    (workspace / link).symlink_to(outside)
    with pytest.raises(HandoffError, match="is not a folder of its own"):
        await write_handoff(given(workspace), StepResult(status="completed"), "x")
    assert list(outside.iterdir()) == []


async def test_a_workspace_that_is_gone_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(HandoffError, match="handoff files of step outline cannot be written to"):
        await write_handoff(given(tmp_path / "gone"), StepResult(status="completed"), "x")


async def slides_after_outline(workspace: Path) -> StepExecutionInput:
    handoff = await write_handoff(given(workspace), StepResult(status="completed", summary="mine"), "x")
    return msgspec.structs.replace(given(workspace, "slides"), dependencies=(handoff,))


async def test_a_step_does_not_build_on_what_another_run_left_in_the_same_place(tmp_path: Path) -> None:
    slides = await slides_after_outline(tmp_path)
    prepare_workspace(slides, str(tmp_path))
    await write_handoff(given(tmp_path, run_id="other"), StepResult(status="completed"), "y")
    with pytest.raises(
        HandoffError, match=r"step outline in .* was replaced by run other .*try outline again"
    ):
        prepare_workspace(slides, str(tmp_path))


async def test_what_a_person_changed_in_a_handoff_is_built_on(tmp_path: Path) -> None:
    slides = await slides_after_outline(tmp_path)
    folder = tmp_path / slides.dependencies[0].directory
    written = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**written, "summary": "corrected"}))
    prepare_workspace(slides, str(tmp_path))
    (folder / "result.json").write_text("no JSON any more")
    prepare_workspace(slides, str(tmp_path))


@pytest.mark.parametrize("name", ["result.json", "raw_output.txt"])
async def test_a_handoff_that_is_gone_is_said_before_anything_runs(tmp_path: Path, name: str) -> None:
    slides = await slides_after_outline(tmp_path)
    (tmp_path / slides.dependencies[0].directory / name).unlink()
    with pytest.raises(HandoffError, match=rf"{name} of step outline cannot be read .*; try outline again"):
        prepare_workspace(slides, str(tmp_path))
