"""Settings from the config file, the environment and flags."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.config.settings import EXPECTED, Settings, SettingsInvalid, _line_of, load_settings, variable


@pytest.fixture(autouse=True)
def _no_config_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path))


def problems(text: str, tmp_path: Path, **flags: object) -> list[str]:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(flags, environ={}, config_file=file)
    return [line.removeprefix(f"{file}:") for line in caught.value.problems]


def test_defaults() -> None:
    settings = load_settings(environ={})
    assert (settings.agent, settings.max_concurrency, settings.on_ask) == ("pi", 4, "exit")
    assert settings.workspace_dir() == Path.cwd()


def test_flags_win_over_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('agent = "one"\nmodel = "one"\nprovider = "one"\n')
    environ = {"PIPLAN_CONFIG": str(file), "PIPLAN_AGENT": "two", "PIPLAN_MODEL": "two"}
    settings = load_settings({"agent": "three"}, environ=environ)
    assert (settings.agent, settings.model, settings.provider) == ("three", "two", "one")


def test_the_file_in_the_config_folder_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "xdg" / "piplan"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('tools = ["read", "bash"]')
    assert load_settings(environ={}).tools == ("read", "bash")


def test_a_file_beside_the_plan_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("piplan.toml", "config.toml"):
        (tmp_path / name).write_text('agent = "command:evil"')
    assert load_settings(environ={}).agent == "pi"


def test_text_becomes_numbers_lists_and_booleans() -> None:
    environ = {
        "PIPLAN_MAX_CONCURRENCY": "7",
        "PIPLAN_TOOLS": "read, bash,,",
        "PIPLAN_BUDGET_USD": "1.5",
        "PIPLAN_ASCII": "1",
        "PIPLAN_PI": "node pi.js",
        "PIPLAN_MODEL": "",
    }
    settings = load_settings(environ=environ)
    assert settings.max_concurrency == 7
    assert settings.tools == ("read", "bash")
    assert settings.budget_usd == 1.5
    assert settings.ascii is True
    assert settings.pi_command == "node pi.js"
    assert settings.model == ""


def test_lines_of_words_keep_the_letters_of_every_alphabet() -> None:
    assert not load_settings(environ={"PIPLAN_PLAIN_LIST": "1"}).ascii
    assert load_settings({"plain_list": True, "ascii": True}, environ={}).ascii


def test_a_theme_that_is_not_there_is_told_where_it_was_said(tmp_path: Path) -> None:
    assert problems('agent = "pi"\ntheme = "piplan-drak"', tmp_path) == [
        '2: there is no theme "piplan-drak"; did you mean "piplan-dark"?'
    ]
    with pytest.raises(
        SettingsInvalid, match=r'^PIPLAN_THEME: there is no theme "zzz"; there are .*piplan-dark, '
    ):
        load_settings(environ={"PIPLAN_THEME": "zzz"})
    assert load_settings(environ={"PIPLAN_THEME": "nord"}).theme == "nord"


def test_markdown_can_be_off(tmp_path: Path) -> None:
    assert load_settings(environ={}).markdown
    assert not load_settings(environ={"PIPLAN_MARKDOWN": "0"}).markdown


def test_unknown_names_are_all_reported_with_line_and_suggestion(tmp_path: Path) -> None:
    text = '# mine\nagent = "pi"\n\nmax_concurency = 3\ntext = """\nzzz = 1\n"""\n[zzz]\na = 1\n'
    assert problems(text, tmp_path) == [
        '4: unknown setting "max_concurency"; did you mean "max_concurrency"?',
        '5: unknown setting "text"',
        '8: unknown setting "zzz"',
    ]


def test_a_wrong_value_is_reported_where_it_was_said(tmp_path: Path) -> None:
    assert problems('agent = "pi"\nmax_concurrency = 0', tmp_path) == [
        '2: max_concurrency is "0", but must be a whole number, 1 or more'
    ]
    assert problems("", tmp_path, budget_usd="nan") == [
        '--budget-usd: budget_usd is "nan", but must be a number above 0'
    ]
    with pytest.raises(SettingsInvalid, match=r'^PIPLAN_ON_ASK: on_ask is "never", but must be wait, exit'):
        load_settings(environ={"PIPLAN_ON_ASK": "never"})


def test_a_flag_hides_a_wrong_value(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("max_concurrency = 0")
    assert load_settings({"max_concurrency": 2}, environ={}, config_file=file).max_concurrency == 2


def test_a_file_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    assert problems('agent = "pi"\nmodel = \n', tmp_path)[0].startswith("2:9: not TOML: ")
    assert problems("agent = ", tmp_path)[0].startswith("1: not TOML: ")
    with pytest.raises(SettingsInvalid, match="there is no such config file"):
        load_settings(environ={}, config_file=tmp_path / "none.toml")
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load_settings(environ={}, config_file=tmp_path)


def test_paths_of_the_file_are_relative_to_it(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('store = "state"\nworkspace = "~/w"')
    settings = load_settings(environ={}, config_file=file)
    assert settings.store == str(tmp_path / "state")
    assert settings.workspace_dir() == tmp_path / "w"
    file.write_text('store = "memory"')
    assert load_settings(environ={}, config_file=file).store == "memory"


def test_every_setting_is_described() -> None:
    assert set(EXPECTED) == set(Settings.model_fields)
    for name, setting in Settings.model_fields.items():
        assert setting.description, name
    assert len({variable(name) for name in Settings.model_fields}) == len(Settings.model_fields)


@given(before=st.lists(st.sampled_from(["", "# c", "a{} = 1", "b{} = [\n1,\n]", 's{} = """\nk = 2\n"""'])))
def test_the_line_of_a_key_is_where_its_statement_begins(before: list[str]) -> None:
    head = "".join(line.format(number) + "\n" for number, line in enumerate(before))
    assert _line_of(head + "k = 1\n", "k") == head.count("\n") + 1
