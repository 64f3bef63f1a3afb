"""What is said about a script before it runs."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.workflow.check import read_python
from piplan_tui.workflow.load import load_workflow


def said(script: str) -> list[str]:
    return [
        str(problem) for problem in read_python(textwrap.dedent(script).lstrip().encode(), "f.py").problems
    ]


def in_main(line: str, *, before: str = "") -> list[str]:
    return said(f"{before}\nasync def main(wf):\n    {line}\n")


def test_a_good_script_has_no_problems() -> None:
    assert (
        said(
            """
            import random, time
            from datetime import datetime
            from piplan_tui.workflow import Workflow

            async def research(wf: Workflow, item: str) -> str | None:
                return await wf.agent(f"look at {item}", schema=dict, agent_type="explorer")

            async def main(wf: Workflow):
                dice = random.Random(7)
                started = time.monotonic()
                wf.phase("One")
                later = wf.agent("a")
                await wf.parallel([lambda: research(wf, "x"), later])
                return wf.now(), wf.random.random(), wf.budget.remaining(), datetime(2026, 1, 1), dice, started
            """
        )
        == []
    )


def test_a_syntax_error_has_its_place() -> None:
    (problem,) = said("async def main(wf):\n    return (1,\n")
    assert problem.startswith("f.py:2:12: this is no Python: '(' was never closed")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("x = 1", "f.py:1:1: a workflow needs `async def main(wf):`, and this file has none"),
        ("def main(wf):\n    pass", "f.py:1:1: main must be `async def main(wf):`"),
        ("async def main():\n    pass", "f.py:1:1: main takes one parameter"),
        (
            "meta = dict(a=1)\nasync def main(wf):\n    pass",
            "f.py:1:1: meta must be a dict that is written out",
        ),
        ("\0", "f.py: this is no Python"),
    ],
)
def test_a_script_without_a_usable_main_is_told_what_is_missing(script: str, problem: str) -> None:
    assert problem in "\n".join(said(script))


@pytest.mark.parametrize(
    ("imports", "call", "use"),
    [
        ("import time", "time.time()", "wf.now()"),
        ("from time import time as t", "t()", "wf.now()"),
        ("from datetime import datetime", "datetime.now()", "wf.now()"),
        ("import datetime as dt", "dt.datetime.utcnow()", "wf.now()"),
        ("from datetime import date", "date.today()", "wf.now()"),
        ("import random", "random.choice([1])", "wf.random"),
        ("import random", "random.Random()", "wf.random"),
        ("from random import shuffle", "shuffle([])", "wf.random"),
        ("import uuid", "uuid.uuid4()", "wf.random"),
        ("import os", "os.urandom(4)", "wf.random"),
        ("import secrets", "secrets.token_hex()", "wf.random"),
    ],
)
def test_calls_that_break_replay_are_named_with_their_line(imports: str, call: str, use: str) -> None:
    (problem,) = in_main(f"x = {call}", before=imports)
    assert problem.startswith("f.py:3:9: ")
    assert "different in every run" in problem
    assert use in problem


@pytest.mark.parametrize(
    ("imports", "use"),
    [
        ("import os", "os.environ['HOME']"),
        ("import os", "os.environ.get('HOME')"),
        ("from os import environ", "environ['HOME']"),
        ("import os", "os.getenv('HOME')"),
        ("from pathlib import Path", "Path.cwd()"),
        ("import platform", "platform.node()"),
    ],
)
def test_what_is_of_one_machine_only_is_a_warning_with_its_line(imports: str, use: str) -> None:
    (problem,) = in_main(f"x = {use}", before=imports)
    assert problem.startswith("f.py:3:9: ")
    assert "pass it in wf.args" in problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("await wf.agnet('x')", "f.py:2:11: wf has no agnet; did you mean wf.agent?"),
        ("wf.quux", "f.py:2:5: wf has no quux; it has agent, parallel"),
        ("await wf.agent('x', lable='y')", "wf.agent() has no option lable; did you mean label?"),
        ("await wf.agent(label='y')", "f.py:2:11: wf.agent() needs a prompt"),
        ("wf.agent('x')", "f.py:2:5: this wf.agent(…) is never awaited"),
        ("wf.parallel([])", "this wf.parallel(…) is never awaited"),
        ("x = wf.agent('x')", "f.py:2:9: this wf.agent(…) is never awaited"),
    ],
)
def test_wrong_uses_of_the_primitives_are_said(line: str, problem: str) -> None:
    assert problem in "\n".join(in_main(line))


def test_a_stage_that_returns_nothing_is_said() -> None:
    script = """
    async def main(wf):
        async def look(item):
            await wf.agent(f"look at {item}")
        async def last(found):
            await wf.agent(f"keep {found}")
        await wf.pipeline([1], look, last)
    """
    (problem,) = said(script)
    assert problem.startswith("f.py:6:28: the stage look returns nothing, so the next one gets only None")


def test_meta_and_phases_are_known_before_the_script_runs(tmp_path: Path) -> None:
    path = tmp_path / "audit.py"
    path.write_text(
        '"""Audit all.\n\nMore."""\n'
        'meta = {"name": "Audit!", "phases": [{"title": "Find", "detail": "where"}]}\n'
        "async def main(wf):\n    wf.phase('Check')\n    await wf.agent('x', phase='Find')\n"
        "    await wf.agent('x', phase='Late')\n"
    )
    loaded = load_workflow(path).require()
    assert (loaded.kind, loaded.name, loaded.plan_id, loaded.description) == (
        "python",
        "Audit!",
        "audit",
        "Audit all.",
    )
    assert loaded.phases == [{"title": "Find", "detail": "where"}, {"title": "Check"}, {"title": "Late"}]
    assert loaded.source == path.read_bytes()


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    loaded = load_workflow(tmp_path / "none.py")
    (problem,) = loaded.problems
    assert problem.message == "the file cannot be read: No such file or directory"
    with pytest.raises(PlanInvalid, match="cannot be read"):
        loaded.require()


@pytest.mark.parametrize(
    "lines",
    [
        "x = wf.agent('x')\nwf.log(f'got {x}')",
        "x = wf.agent('x')\nreturn {'x': x}",
        "return wf.agent('x')",
        "return [wf.agent('x')]",
        "x = wf.agent('x').strip()",
        "x = wf.agent('x')['a']",
        "x = 'a' + wf.agent('x')",
        "if wf.agent('x'):\n    pass",
        "for y in wf.parallel([]):\n    pass",
        "x = [y for y in wf.pipeline([], str)]",
        "wf.log(wf.agent('x'))",
        "x = str(wf.workflow('x'))",
    ],
)
def test_a_call_whose_value_is_used_without_await_is_found(lines: str) -> None:
    assert any("is never awaited" in said for said in in_main(lines.replace("\n", "\n    ")))


@pytest.mark.parametrize(
    "lines",
    [
        "x = wf.agent('x')\nreturn await x",
        "x = [wf.agent('x') for _ in range(3)]\nreturn await wf.parallel(x)",
        "x = wf.agent('x')\nreturn await wf.parallel([x])",
        "return await asyncio.gather(wf.agent('x'), *[wf.agent('y')])",
        "x = asyncio.create_task(wf.agent('x'))\nreturn await x",
        "return await wf.parallel([lambda n=n: wf.agent(str(n)) for n in range(3)])",
        "def one():\n    return wf.agent('x')\nreturn await one()",
        "async def one():\n    return await wf.agent('x')\nreturn await wf.parallel([one])",
        "async def one():\n    return wf.agent('x')\nreturn await (await one())",
        "x = wf.agent('x') if wf.args else wf.agent('y')\nreturn await x",
        "x = {}\nx['a'] = wf.agent('x')\nreturn await x['a']",
        "return (await wf.agent('x')).strip()",
        "x = wf.budget.remaining() + wf.budget.spent() + (wf.budget.total or 0)",
        "return await wf.agent('x', schema={'type': ['string', 'null']})",
        "return await wf.pipeline(*wf.args)",
    ],
)
def test_calls_that_are_awaited_somewhere_are_not(lines: str) -> None:
    assert in_main(lines.replace("\n", "\n    "), before="import asyncio") == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("wf.budget.left", "f.py:2:5: wf.budget has no left; it has total, spent() and remaining()"),
        ("wf.budget.remainin()", "wf.budget has no remainin; did you mean remaining?"),
        ("await wf.pipeline([1, 2])", "f.py:2:11: wf.pipeline() needs stages after its items"),
        ("await wf.parallel([wf.agent('a')])", "f.py:2:24: warning: parallel() wants functions"),
        (
            "await wf.agent('a', schema={'type': 'objekt'})",
            "there is no type 'objekt'; did you mean 'object'?",
        ),
        (
            "await wf.agent('a', schema={'type': 'object', 'properties': {'n': {'minimum': 'x'}}})",
            "this is no JSON Schema: properties.n.minimum",
        ),
    ],
)
def test_what_a_call_can_never_mean_is_said(line: str, problem: str) -> None:
    assert problem in "\n".join(in_main(line))
