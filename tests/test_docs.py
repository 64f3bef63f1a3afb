"""What is written about the program names what there is: commands, options, settings, files, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from piplan_tui.agents.registry import AgentSettings
from piplan_tui.cli.parser import OPEN, build
from piplan_tui.cli.usage import COMMANDS
from piplan_tui.config.settings import EXPECTED, ONLY_IN_FILE, Settings, variable
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui.all_keys import default_keys
from piplan_tui.workflow.load import Language, read_workflow

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FOR_USERS = [page for page in PAGES if page.name != "CONTRIBUTING.md"]
OTHERS_OPTIONS = {"--snapshot-update", "--flag"}


def options(command: str) -> set[str]:
    return set(build(command)._option_string_actions)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-")


def headings(page: Path) -> set[str]:
    return {anchor(found) for found in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


def calls(page: Path) -> Iterator[list[str]]:
    """The words after each `piplan-tui` in code."""
    lines: list[str] = []
    block: str | None = None
    for line in page.read_text().splitlines():
        if line.startswith("```"):
            block = line[3:] if block is None else None
        elif block in ("", "sh"):
            lines.append(line)
        elif block is None:
            lines += re.findall(r"`([^`]+)`", line)
    for line in lines:
        for part in line.split("#")[0].split("&&"):
            if (
                match := re.search(r".*(?:^|\s|/)piplan-tui\s+(.+)", part.strip())
            ) and "pip install" not in part:
                yield match[1].split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, heading = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if heading:
            assert heading in headings(there), target


@pytest.mark.parametrize("page", FOR_USERS, ids=lambda page: page.name)
def test_commands_and_options_that_are_named_exist(page: Path) -> None:
    known = {option for command in (OPEN, *COMMANDS) for option in options(command)} | {"--help", "--version"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text())) - OTHERS_OPTIONS
    assert named <= known
    for words in calls(page):
        first = words[0]
        is_command = re.fullmatch(r"[a-z]+", first) is not None
        assert not is_command or first in COMMANDS, words
        given = {word for word in words if word.startswith("--")} - OTHERS_OPTIONS
        assert given <= options(first if is_command else OPEN) | {"--help"}, words


def test_calls_are_found() -> None:
    found = [words for page in FOR_USERS for words in calls(page)]
    assert ["attach", "last"] in found
    assert len(found) > 30


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    block = text[text.index("## Command line") :].split("```")[1]
    assert set(COMMANDS) <= set(re.findall(r"[a-z]+", block))


def test_every_setting_has_its_row_and_no_other_has() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \| .+ \|$", text, re.MULTILINE))
    assert rows == {name: EXPECTED[name] for name in Settings.model_fields}


def test_settings_have_the_flags_and_variables_that_the_page_says() -> None:
    run = options(OPEN)
    without = {name for name in Settings.model_fields if f"--{name.replace('_', '-')}" not in run}
    page = (ROOT / "docs" / "settings.md").read_text()
    said = page[page.index("Tables are for the file alone, and") : page.index("have no flag")]
    assert without == {*ONLY_IN_FILE, *re.findall(r"`(\w+)`", said)}
    assert variable("max_concurrency") == "PIPLAN_MAX_CONCURRENCY"
    assert variable("pi_command") == "PIPLAN_PI"


def test_commands_of_the_terminal_view_that_are_named_exist() -> None:
    page = (ROOT / "docs" / "terminal-view.md").read_text()
    named = re.findall(r'^"([a-z]+\.[a-z_]+)" =', page, re.MULTILINE)
    assert named
    assert set(named) <= set(default_keys())


def test_the_map_of_the_code_names_what_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    travels = text[text.index("## How a step travels") :]
    named = re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?|[a-z_]+\.py)`", travels)
    assert len(named) > 25
    for name in named:
        folders = (ROOT, ROOT / "piplan_tui", ROOT / "piplan_tui" / "run")
        assert any((folder / name).exists() for folder in folders), name
    assert all(name in travels for name in ("PlanRuntime", "RunDoor.emit", "RunState"))


def examples() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "workflows.md").read_text()
    return re.findall(r"^```(python|js)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.anyio
@pytest.mark.parametrize(("language", "script"), examples())
async def test_the_workflows_that_are_shown_run(language: str, script: str, tmp_path: Path) -> None:
    kind: Language = "python" if language == "python" else "javascript"
    loaded = read_workflow(script.encode(), f"shown.{language}", kind, folder=tmp_path)
    assert loaded.problems == []
    agents = AgentSettings(demo_pace=0)
    runtime = create_runtime(
        store=MemoryRuntimeStore(),
        agents=agents,
        options=RunOptions(workspace=tmp_path, agent="demo"),
    )
    async with runtime:
        run = await runtime.create_workflow_run(loaded, args={"files": ["a.py", "b.py"]})
        await run.start()
        state = await run.wait()
    assert (state.status, state.reason) == ("completed", "")
    assert state.order
