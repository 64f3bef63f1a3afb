"""`asks` and `answer`: against a run that nobody owns, and against a live one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import ASK, Cli, R


@pytest.fixture
def waiting(cli: Cli) -> Cli:
    """A run that waits for an answer to `topic`, and that nobody owns."""
    assert cli("run", cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]}), "--run-id", R).code == 4
    return cli


def answers(cli: Cli) -> list[Any]:
    return [
        answer["values"] for answer in cli("show", R, "--json").json["steps"][0]["attempts"][0]["answers"]
    ]


def test_open_questions_are_listed(waiting: Cli) -> None:
    (ask,) = waiting("asks", "--json").json["asks"]
    assert (ask["runId"], ask["stepId"]) == (R, "topic")
    assert ask["form"]["fields"][0]["name"] == "audience"
    done = waiting("asks", R)
    assert "Which audience?" in done.out
    assert f"answer: piplan-tui answer {R} topic audience=seed slides=5" in done.out
    assert "needs you" in waiting("runs").out


def test_an_answer_and_then_resume(waiting: Cli) -> None:
    done = waiting("answer", R, "topic", "audience=enterprise", "slides=7")
    assert (done.code, done.out) == (0, "")
    assert f"piplan-tui resume {R}" in done.err
    assert waiting("asks").err == "No question is open.\n"
    assert waiting("resume", R[:2]).code == 0
    shown = waiting("show", R, "--json").json
    assert shown["status"] == "completed"
    assert [len(step["attempts"]) for step in shown["steps"]] == [1, 1]
    assert answers(waiting) == [{"audience": "enterprise", "slides": 7}]


def test_an_answer_that_does_not_fit_changes_nothing(waiting: Cli) -> None:
    for words, said in (
        (["audience=seed", "slides=99"], "20"),
        (["slides=3"], "needs an answer"),
        (["audiense=seed"], "did you mean audience"),
        (["nonsense"], "has no step"),
        (["after", "audience=seed"], "questions are open at: topic"),
    ):
        done = waiting("answer", R, *([] if words[0] in ("nonsense", "after") else ["topic"]), *words)
        assert done.code == 2
        assert said in done.err
        assert "Traceback" not in done.err
    assert answers(waiting) == []
    assert len(waiting("asks", "--json").json["asks"]) == 1


def test_values_as_json_from_a_file_or_stdin(waiting: Cli) -> None:
    bad = waiting("answer", R, "topic", "--json", "-", stdin="[1]")
    assert bad.code == 2
    assert "must hold a JSON object" in bad.err
    half = waiting("answer", R, "topic", "--json", "-", stdin='{"audience": "\\ud800"}')
    assert (half.code, half.err.count("\n")) == (2, 1)
    assert "must be text in UTF-8" in half.err
    assert waiting("answer", R, "topic", "--json", "-", stdin='{"audience": "seed"}').code == 0
    assert answers(waiting) == [{"audience": "seed", "slides": 5}]
    again = waiting("answer", R, "topic", "audience=seed")
    assert again.code == 2
    assert "asks nothing" in again.err


def test_a_path_starts_from_the_folder_that_the_run_works_in(cli: Cli) -> None:
    (cli.folder / "work").mkdir()
    (cli.folder / "work" / "brief.md").write_text("x")
    field = {"name": "file", "type": "path", "path": {"mustExist": True}}
    agent = cli.script(
        f"""
        echo '{json.dumps({"status": "waiting_user", "inputRequest": {"message": "Which?", "fields": [field]}})}'
        """
    )
    plan = cli.plan({"id": "topic"})
    assert cli("run", plan, "--run-id", R, "--agent", agent, "--workspace", "work").code == 4
    done = cli("answer", R, "topic", "file=brief.txt")
    assert (done.code, "must be something that exists" in done.err) == (2, True)
    assert cli("answer", R, "topic", "file=brief.md").code == 0
    assert answers(cli) == [{"file": "brief.md"}]


def test_the_only_question_needs_no_name(waiting: Cli) -> None:
    assert waiting("answer", "last", "audience=seed").code == 0
    assert answers(waiting) == [{"audience": "seed", "slides": 5}]


def test_declining(waiting: Cli) -> None:
    done = waiting("answer", R, "topic", "--decline")
    assert done.code == 0
    assert "declined" in done.err
    step = waiting("show", R, "--json").json["steps"][0]
    assert step["attempts"][0]["answers"][0]["action"] == "decline"


def test_a_secret_is_refused_on_the_command_line(cli: Cli) -> None:
    secret = {
        "message": "Token?",
        "fields": [{"name": "token", "type": "secret", "secret": {"env": "TOKEN"}}],
    }
    done = cli("run", cli.plan({"id": "a", "demo": {"ask": secret}}))
    assert done.code == 4
    assert "token=" not in done.err
    refused = cli("answer", "last", "a", "token=hunter2hunter2")
    assert refused.code == 2
    assert "is a secret" in refused.err


def test_a_live_run_takes_the_answer_and_goes_on(cli: Cli) -> None:
    plan = cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]})
    running = cli.start("run", plan, "--run-id", R, "--on-ask", "wait")
    running.until("nothing else can move")
    bad = cli("answer", R, "topic", "audience=nobody")
    assert bad.code == 2
    assert len(cli("asks", R, "--json").json["asks"]) == 1
    busy = cli("resume", R)
    assert busy.code == 2
    assert f"Run {R} waits for your answer, in process {running.process.pid}." in busy.err
    assert f"piplan-tui attach {R}, or: piplan-tui answer {R} topic key=value" in busy.err
    done = cli("answer", R, "topic", "audience=seed")
    assert (done.code, done.err) == (0, "the answer was taken\n")
    ended = running.end()
    assert ended.code == 0
    assert "answered by you: audience=seed, slides=5" in ended.err
    assert answers(cli) == [{"audience": "seed", "slides": 5}]
