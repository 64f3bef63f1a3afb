"""Help, the version, and command lines that make no sense."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from piplan_tui.cli.parser import ANYWHERE, UsageError, build, parse
from piplan_tui.cli.usage import COMMANDS, HELP
from piplan_tui.config.settings import Settings
from tests.cli.conftest import Cli

HEAVY = {"textual", "pydantic", "msgspec", "anyio", "watchfiles", "psutil", "rich"}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from piplan_tui.cli import main; code = main(['--help']);"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == HELP
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("words", [["runs"], ["check", "none.json"], ["run", "plan.json"]])
def test_commands_without_the_terminal_view_do_not_import_textual(cli: Cli, words: list[str]) -> None:
    cli.plan({"id": "a"})
    code = f"import sys; from piplan_tui.cli import main; main({words!r}); print('textual' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cli.folder, env=cli.env
    )
    assert done.stdout.strip().endswith("False")


def test_help_names_every_command_and_option() -> None:
    for name in COMMANDS:
        assert f"\n  {name} " in HELP
    for flags, _ in ANYWHERE:
        assert flags[0] in HELP
    assert all(len(line) <= 100 for line in HELP.splitlines())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_a_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as asked:
        parse([command, "--help"])
    assert asked.value.code == 0
    page = capsys.readouterr().out
    assert page.startswith(f"usage: piplan-tui {command}")


def test_choices_are_those_of_the_settings() -> None:
    for name in ("on_ask", "ui"):
        action = next(a for a in build("run")._actions if a.dest == name)
        allowed = set(get_args(Settings.model_fields[name].annotation))
        assert set(action.choices or ()) - {"tui"} == allowed


def test_options_stand_before_or_after_the_command() -> None:
    before = parse(["--agent", "demo", "-v", "--meta", "a=1", "run", "p.json"])
    after = parse(["run", "--agent=demo", "p.json", "-v", "--meta", "a=1"])
    assert vars(before) == vars(after)
    both = parse(["--agent", "pi", "-v", "run", "p.json", "-v", "--agent", "demo"])
    assert (both.agent, both.verbose) == ("demo", 2)


def test_arguments_and_options_may_be_mixed() -> None:
    args = parse(["retry", "last", "--model", "m", "a", "--goal", "g", "b"])
    assert (args.run, args.steps, args.model, args.goal) == ("last", ["a", "b"], "m", "g")
    args = parse(["answer", "7f", "topic", "n=-1", "--note", "x", "audience=seed"])
    assert args.words == ["topic", "n=-1", "audience=seed"]
    assert parse(["run", "-"]).plan == "-"


def test_a_plan_named_like_a_command() -> None:
    assert parse(["./run"]).command == "open"
    assert parse(["./run"]).plan == "./run"
    assert parse(["run", "run"]).plan == "run"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "p", "--agnet", "pi"], "Did you mean --agent?"),
        (["run"], "required: PLAN"),
        (["run", "p", "q"], '"q" is one argument too many'),
        (["run", "p", "--max-concurrency", "0"], '"0" must be a whole number, 1 or more'),
        (["run", "p", "--budget-usd", "nan"], "must be a number above 0"),
        (["run", "p", "--meta", "a"], '"a" must be key=value'),
        (["--ui", "loud", "run", "p"], "invalid choice: 'loud'"),
        (["check", "p", "--agent", "pi"], "has no option --agent"),
        # how bytes that are no UTF-8 reach a program
        (["answer", "r", "a", "who=\udcff"], "is not text in UTF-8; write it in UTF-8"),
        (["run", "p", "--meta", "k=\udcff"], r'"k=\udcff" is not text in UTF-8'),
    ],
)
def test_mistakes_are_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_version_and_nothing_to_do(cli: Cli) -> None:
    version = cli("--version")
    assert version.code == 0
    assert version.out.startswith("piplan-tui 0.")
    nothing = cli()
    assert nothing.code == 2
    assert "Which plan?" in nothing.err


def test_unknown_words_get_a_suggestion(cli: Cli) -> None:
    cli.plan({"id": "a"}, name="deck.json")
    for word, near in (("chekc", "Did you mean check?"), ("dek.json", "Did you mean deck.json?")):
        done = cli(word)
        assert (done.code, done.out) == (2, "")
        assert near in done.err
        assert done.err.count("\n") == 1
    missing = cli("run", "none.json")
    assert missing.code == 2
    assert missing.err == "none.json: there is no such file\n"


def test_wrong_settings_and_agents(cli: Cli) -> None:
    cli.plan({"id": "a"})
    (cli.folder / "c.toml").write_text('agnet = "pi"\n')
    done = cli("run", "plan.json", "--config", "c.toml")
    assert (done.code, done.err) == (2, 'c.toml:1: unknown setting "agnet"; did you mean "agent"?\n')
    done = cli("run", "plan.json", "--agent", "nobody")
    assert done.code == 2
    assert "There is no agent 'nobody'" in done.err
    done = cli("run", "plan.json", "--workspace", "nowhere")
    assert done.code == 2
    assert "is not a folder" in done.err
