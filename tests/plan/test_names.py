from __future__ import annotations

import pytest

from piplan_tui.plan.names import MAX_BYTES, folder_key, folder_name_problem


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        (".", "way through folders"),
        ("..", "way through folders"),
        ("a/b", "contains /"),
        ("../x", "contains /"),
        ("a\\b", "contains \\"),
        ("a:b", "contains :"),
        (".git", "begins with a dot"),
        (" a", "begins with a space"),
        ("a.", "ends with a dot"),
        ("a ", "ends with a space"),
        ("a\x00", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\x1b[2J", "U+001B"),
        ("a\x9bb", "U+009B"),
        ("a\u202eb", "invisible character (U+202E)"),
        ("CON", "device on Windows"),
        ("nul.txt", "device on Windows"),
        ("com1", "device on Windows"),
        ("é" * 61, "122 bytes long"),
    ],
)
def test_names_that_are_not_safe(name: str, why: str) -> None:
    assert why in (folder_name_problem(name) or "nothing")


@pytest.mark.parametrize(
    "name", ["a", "step-1", "Überblick", "con2", "console", "a b", "v1.2", "-x", "步骤", "é" * 60]
)
def test_names_that_are_safe(name: str) -> None:
    assert folder_name_problem(name) is None
    assert len(name.encode()) <= MAX_BYTES


def test_names_that_are_one_folder_on_some_systems() -> None:
    assert folder_key("Build") == folder_key("build")
    assert folder_key("e\u0301") == folder_key("É".lower())
    assert folder_key("a") != folder_key("b")
