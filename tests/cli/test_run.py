"""`run`: what is printed where, and how it ends."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from piplan_tui.run.events import decode_event
from tests.cli.conftest import ASK, Cli

TWO = ({"id": "a", "phase": "First"}, {"id": "b", "dependsOn": ["a"]})


def test_plain_lines_go_to_stderr(cli: Cli) -> None:
    done = cli("run", cli.plan(*TWO))
    assert (done.code, done.out) == (0, "")
    assert "\x1b" not in done.err
    lines = done.err.splitlines()
    assert re.fullmatch(r"run \w{8} started: A plan \(2 steps, one at a time, demo\)", lines[0])
    starts = [index for index, line in enumerate(lines) if " started (demo" in line]
    assert [lines[index].split()[0] for index in starts] == ["[First/a]", "[b]"]
    assert any(line.startswith("[First/a] completed in 0s") for line in lines[: starts[1]])
    assert "total: " in done.err
    assert re.search(r"next: piplan-tui show \w{8}\n$", done.err)


def test_a_plan_without_a_command_or_a_terminal_is_run(cli: Cli) -> None:
    done = cli(cli.plan(*TWO), "--run-id", "mine", "--yes")
    assert done.code == 0
    assert "run mine completed" in done.err
    assert cli("run", "plan.json", "--run-id", "mine").code == 2  # the id is taken


def test_events_as_json_lines_alone_on_stdout(cli: Cli) -> None:
    done = cli("run", cli.plan(*TWO), "--ui", "json", "--meta", "team=x")
    assert done.code == 0
    events = [decode_event(line.encode()) for line in done.out.splitlines()]
    assert [event.seq for event in events] == list(range(events[0].seq, events[0].seq + len(events)))
    assert events[-1].type == "run.completed"
    assert done.err.count("\n") == 1
    assert "completed, 2 of 2 steps" in done.err
    shown = cli("show", "last", "--json").json
    assert shown["metadata"] == {"team": "x"}
    assert shown["seq"] == events[-1].seq


def test_quiet_prints_only_the_result(cli: Cli) -> None:
    said = [{**step, "demo": {"text": f"{step['id']} is written."}} for step in (*TWO, {"id": "c"})]
    done = cli("run", cli.plan(*said), "--ui", "quiet")
    assert done.code == 0
    summaries = {
        step["id"]: step["handoff"]["summary"] for step in cli("show", "last", "--json").json["steps"]
    }
    assert done.out == f"{summaries['b']}\n\n{summaries['c']}\n", "of the steps that no other needs"
    assert cli("show", "last", "--result").out == done.out
    assert re.fullmatch(r"run \w{8} completed, 3 of 3 steps, .*\n", done.err)


@pytest.mark.parametrize(
    ("returned", "value"),
    [
        ("'Report\\n\\nwith two \\u00fcber lines\\x1b[31m'", "Report\n\nwith two über lines"),
        ("{b: [1, 'x'], a: null}", {"b": [1, "x"], "a": None}),
        ("7.5", 7.5),
        ("''", ""),
        ("undefined", ""),
    ],
)
def test_quiet_prints_what_a_workflow_returned(cli: Cli, returned: str, value: Any) -> None:
    (cli.folder / "w.js").write_text(f"return {returned}")
    done = cli("run", "w.js", "--ui", "quiet")
    assert done.code == 0
    for out in (done.out, cli("show", "last", "--result").out):
        assert out == (f"{value}\n" if value else "") if isinstance(value, str) else json.loads(out) == value


def test_what_a_workflow_returned_stands_in_its_summary(cli: Cli) -> None:
    (cli.folder / "w.js").write_text("return args.map(n => `line ${n}`).join('\\n')")
    done = cli("run", "w.js", "--args", "[1, 2]")
    assert "\nresult:\n  line 1\n  line 2\n\nnext: " in done.err
    shown = cli("show", "last")
    assert "result:\n  line 1\n  line 2\n" in shown.out
    assert "next:" not in shown.out, "there is nothing but what is shown already"
    cli("run", "w.js", "--args", json.dumps(list(range(30))), "--run-id", "long")
    shown = cli("show", "long").out
    assert "  line 9\n  … 20 more lines; the whole: piplan-tui show long --result\n" in shown
    assert cli("show", "long", "--result").out == "".join(f"line {n}\n" for n in range(30))


def test_a_run_without_a_result_says_so(cli: Cli) -> None:
    (cli.folder / "w.js").write_text("if (args) throw Error('no')")
    for words, code, said in (
        ((), 0, "returned nothing"),
        (("--args", "1"), 1, "has no result: it is failed"),
    ):
        cli("run", "w.js", *words, "--ui", "quiet")
        done = cli("show", "last", "--result")
        assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
        assert said in done.err


def test_verbosity(cli: Cli) -> None:
    step = {"id": "a", "demo": {"text": "Hello there.", "tools": [{"tool": "read", "target": "x.md"}]}}
    plan = cli.plan(step)
    plain, tools, everything = (cli("run", plan, *flags).err for flags in ([], ["-v"], ["-vv"]))
    assert "[a] read x.md" not in plain
    assert "[a] read x.md" in tools
    assert "| Hello there." not in tools
    assert "[a] | Hello there." in everything


def test_a_failed_step_blocks_what_needs_it(cli: Cli) -> None:
    agent = cli.script(
        """
        [ "$PIPLAN_STEP_ID" = bad ] || { done_; exit 0; }
        echo "no more disk" >&2
        printf '{"status": "failed", "error": "it broke"}\\n'
        """
    )
    plan = cli.plan(
        {"id": "bad"},
        {"id": "late", "dependsOn": ["bad"]},
        {"id": "later", "dependsOn": ["late"]},
        {"id": "free"},
    )
    done = cli("run", plan, "--agent", agent)
    assert done.code == 1
    assert "[bad] failed in 0s: it broke" in done.err
    assert "[bad] blocks 2 steps: late, …" in done.err
    assert "[free] completed" in done.err
    assert "FAILED: step bad failed: it broke" in done.err
    assert "failed: bad: it broke" in done.err
    assert re.search(r"next: piplan-tui retry \w{8}\n", done.err)
    log = re.search(r"    log: (.*)\n", done.err)
    assert log is not None
    assert log.group(1).endswith("/attempts/bad/1.jsonl")
    shown = cli("show", "last", "--json").json
    assert {step["id"]: step["status"] for step in shown["steps"]} == {
        "bad": "failed",
        "late": "blocked",
        "later": "blocked",
        "free": "completed",
    }
    quiet = cli("run", plan, "--agent", agent, "--ui", "quiet")
    assert quiet.code == 1
    assert "failed: bad: it broke" in quiet.err


def test_an_agents_escape_sequences_do_not_reach_the_terminal(cli: Cli) -> None:
    agent = cli.script(
        r"""
        printf 'title \033]0;owned\007 and \302\233 31m colour\n'
        printf '{"status": "failed", "error": "a\\u001b]52;c;eA==\\u0007b \\u009b1m"}\n'
        """
    )
    done = cli("run", cli.plan({"id": "a"}), "--agent", agent, "-vv")
    assert done.code == 1
    assert "[a] failed in 0s: ab" in done.err
    shown = cli("show", "last")
    as_json = cli("show", "last", "--json")
    as_events = cli("run", "plan.json", "--agent", agent, "--ui", "json")
    for text in (done.err, done.out, shown.out, as_json.out, as_events.out, as_events.err):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)
    assert as_json.json["steps"][0]["attempts"][0]["error"] == "a\x1b]52;c;eA==\x07b \x9b1m"


def test_a_question_ends_the_run_with_how_to_answer(cli: Cli) -> None:
    done = cli("run", cli.plan(ASK, {"id": "free"}, {"id": "after", "dependsOn": ["topic"]}, mode="parallel"))
    assert done.code == 4
    assert "Which audience?" in done.err
    assert "slides (integer, 1 to 20, default 5)" in done.err
    assert "[free] completed" in done.err
    run_id = cli("runs", "--json").json["runs"][0]["runId"]
    assert f"piplan-tui answer {run_id} topic audience=seed slides=5" in done.err
    assert f"piplan-tui resume {run_id}" in done.err


def test_questions_that_nobody_answers(cli: Cli) -> None:
    easy = json.loads(json.dumps(ASK))
    easy["demo"]["ask"]["fields"][0]["default"] = "seed"
    done = cli("run", cli.plan(easy), "--on-ask", "defaults")
    assert done.code == 0
    assert "answered by its defaults: audience=seed, slides=5" in done.err
    assert cli("run", cli.plan(ASK), "--on-ask", "defaults").code == 4
    failed = cli("run", "plan.json", "--on-ask", "fail")
    assert failed.code == 1
    assert "nobody is there to answer: Which audience?" in failed.err


def test_runs_in_memory_leave_nothing(cli: Cli) -> None:
    assert cli("run", cli.plan(*TWO), "--store", "memory").code == 0
    assert cli("runs", "--json").json["runs"] == []
    done = cli("show", "last", "--store", "memory")
    assert done.code == 2
    assert "--store memory keeps none" in done.err


def test_a_plan_from_stdin(cli: Cli) -> None:
    text = (cli.folder / cli.plan(*TWO)).read_text()
    assert cli("run", "-", stdin=text).code == 0


def test_the_demo(cli: Cli) -> None:
    done = cli("demo", "--on-ask", "exit", "--demo-pace", "0", env={"PIPLAN_AGENT": "pi"})
    assert done.code == 4
    assert ", demo)" in done.err.splitlines()[0]
    assert not (cli.folder / ".pi-plan-runtime").exists()
    answer = re.search(r"piplan-tui (answer \S+ \S+ .*=.*)", done.err)
    assert answer is not None
    assert cli(*answer.group(1).split()).code == 0
    assert cli("resume", "last").code == 0


@pytest.mark.parametrize("flag", ["--budget-tokens", "--budget-usd"])
def test_a_spent_budget_stops_new_steps(cli: Cli, flag: str) -> None:
    steps = [{"id": name, "demo": {"tokens": 1000, "costUsd": 5}} for name in ("a", "b")]
    done = cli("run", cli.plan(*steps), flag, "1")
    assert done.code == 4
    assert "budget reached" in done.err
    assert "[b] started" not in done.err
    asked = cli("resume", "last")
    assert asked.code == 4
    assert "[b] started" not in asked.err
    answer = re.search(r"piplan-tui (answer \S+ budget-\d+ decision=raise)", asked.err)
    assert answer is not None
    assert cli(*answer.group(1).split(), "limit=1").code == 2
    assert "must be above" in cli(*answer.group(1).split(), "limit=1").err
    assert cli("resume", "last", flag, "100000").code == 0


def test_a_script_that_changed_since_is_offered_with_what_is_finished(cli: Cli) -> None:
    script = cli.folder / "w.js"
    script.write_text("const a = await agent('one')\nlog(args.n)\nundefinedName.x\n")
    done = cli("run", "w.js", "--args", '{"n": 7}', "--run-id", "first")
    assert done.code == 1
    again = f"piplan-tui run {script} --reuse first --agent demo"
    assert f"next: {again}  (when you have mended the script)\n      piplan-tui retry first" in done.err
    script.write_text("const a = await agent('one')\nlog(args.n)\nreturn args.n\n")
    retried = cli("retry", "first")
    assert retried.code == 1
    assert "w.js has changed since; the run tries again with the script as it was." in retried.err
    assert again in retried.err
    mended = cli("run", "w.js", "--reuse", "first")
    assert mended.code == 0
    assert "the arguments are those of run first" in mended.err
    assert "1 finished call will be reused" in mended.err
    assert cli("show", "last", "--result").out == "7\n"


def test_what_is_for_workflows_is_refused_for_plans(cli: Cli) -> None:
    cli("run", cli.plan(*TWO), "--run-id", "plain", "--ui", "quiet")
    (cli.folder / "w.js").write_text("return 1")
    for words, said in (
        (("run", "w.js", "--reuse", "plain"), "Run plain is the run of a plan"),
        (("run", "plan.json", "--reuse", "plain"), "--reuse is for workflows"),
        (("run", "plan.json", "--args", "1"), "--args is for workflows"),
    ):
        done = cli(*words)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert said in done.err


def test_a_step_that_is_stopped_in_a_run_that_was_left_leaves_it_as_a_live_run_would_be(cli: Cli) -> None:
    assert cli("run", cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]}), "--run-id", "alone").code == 4
    assert "run alone is cancelled" in cli("cancel", "alone", "topic").err
    assert cli("run", "plan.json", "--run-id", "other").code == 4
    assert cli("cancel", "other", "after").code == 0
    listed = {run["runId"]: run["status"] for run in cli("runs", "--json").json["runs"]}
    assert listed == {"alone": "cancelled", "other": "waiting_user"}
    for run_id, status in listed.items():
        assert cli("show", run_id, "--json").json["status"] == status


@pytest.mark.parametrize(("on_ask", "times"), [("exit", 1), ("fail", 0)])
def test_how_to_answer_is_said_once_and_only_to_who_may(cli: Cli, on_ask: str, times: int) -> None:
    done = cli("run", cli.plan(ASK), "--on-ask", on_ask)
    assert "Which audience?" in done.err
    assert done.err.count("piplan-tui answer ") == 2 * times, "to accept and to decline"


def test_a_mistyped_command_before_a_plan_is_told(cli: Cli) -> None:
    done = cli("rnu", cli.plan(*TWO))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.endswith("Did you mean run?\n")
