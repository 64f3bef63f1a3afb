"""Which files are taken for workflows."""

from __future__ import annotations

from pathlib import Path

from piplan_tui.workflow.find import find_workflows

PYTHON = '"""Look at a question\nfrom many sides."""\n\nasync def main(wf):\n    await wf.agent("x")\n'
JAVASCRIPT = "export const meta = {\n  name: 'deep', description: 'Look closely.',\n}\nawait agent('x')\n"


def test_scripts_are_known_by_what_stands_in_them(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(PYTHON)
    (tmp_path / "two.js").write_text(JAVASCRIPT)
    claude = tmp_path / ".claude" / "workflows"
    claude.mkdir(parents=True)
    (claude / "three.js").write_text("export const meta = { title: `Three` }\n")
    for name, text in {
        "other.py": "async def main():\n    pass\n",
        "server.py": "async def main(args):\n    await args.serve()\n",
        "module.js": "export const other = {}\n",
        "binary.py": "\x00\xff",
    }.items():
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.js").write_text(JAVASCRIPT)
    found = find_workflows(tmp_path)
    assert [(plan.path.name, plan.title, plan.is_workflow) for plan in found] == [
        ("one.py", "Look at a question", True),
        ("two.js", "deep", True),
        ("three.js", "Three", True),
    ]
    assert len(find_workflows(tmp_path, limit=1)) == 1
    assert find_workflows(tmp_path / "nowhere") == []


def test_the_examples_are_found() -> None:
    examples = Path(__file__).parents[2] / "examples"
    assert {"deep_research.py", "deep_research.js"} <= {plan.path.name for plan in find_workflows(examples)}
