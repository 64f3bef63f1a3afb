"""Style sheets and examples are found, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui import resources


def test_a_checkout_has_them_at_its_top() -> None:
    assert {path.name for path in resources.style_files()} >= {"app.tcss", "run_tree.tcss", "ask_form.tcss"}
    assert resources.examples_dir().is_dir()


def test_a_wheel_has_them_inside_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "piplan_tui"
    (package / "_data" / "styles").mkdir(parents=True)
    (package / "_data" / "styles" / "app.tcss").touch()
    monkeypatch.setattr(resources, "_PACKAGE", package)
    assert [path.name for path in resources.style_files()] == ["app.tcss"]


def test_an_incomplete_installation_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "piplan_tui")
    with pytest.raises(FileNotFoundError, match="incomplete"):
        resources.style_files()
