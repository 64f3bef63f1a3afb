from __future__ import annotations

import json
import os
from pathlib import Path

from piplan_tui.plan import find
from piplan_tui.plan.find import FoundPlan, find_plans
from tests.plan.documents import plan_of


def write(path: Path, title: str = "P") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plan_of({"id": "a"}, {"id": "b"}, title=title)))
    return path


def test_the_nearest_plans_come_first_and_nothing_else_comes(tmp_path: Path) -> None:
    near = write(tmp_path / "z.json", "near")
    deeper = write(tmp_path / "plans" / "a.json", "deeper")
    for skipped in ("node_modules/x.json", ".git/x.json", ".hidden.json", "a/b/c/d/x.json", "x.txt"):
        write(tmp_path / skipped)
    (tmp_path / "package.json").write_text('{"name": "x", "title": "y"}')
    (tmp_path / "ci.json").write_text('{"title": "x", "steps": [{"run": "make"}]}')
    (tmp_path / "broken.json").write_text('{"title": "x", "steps": [')
    (tmp_path / "deep.json").write_text('"steps"' + "[" * 100_000)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "dangling.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert find_plans(tmp_path) == [FoundPlan(near, "near", 2), FoundPlan(deeper, "deeper", 2)]
    assert find_plans(tmp_path, limit=1) == [FoundPlan(near, "near", 2)]


def test_a_plan_with_problems_is_offered_too(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan_of({"id": "a", "dependsOn": ["a"]}, executionMode="wrong")))
    assert [plan.path for plan in find_plans(tmp_path)] == [path]


def test_a_folder_that_is_none_has_no_plans(tmp_path: Path) -> None:
    assert find_plans(tmp_path / "nowhere") == []
    assert find_plans(Path("\0")) == []


def test_large_files_are_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "large.json")
    with path.open("a") as file:
        file.write(" " * find.MAX_FILE_BYTES)
    assert find_plans(tmp_path) == []
