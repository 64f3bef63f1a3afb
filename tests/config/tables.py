"""What is said about a config file that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.config.settings import SettingsInvalid, load_settings


def problems(text: str, tmp_path: Path) -> list[str]:
    """One line for each problem of a file with this text, without the file's name."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(environ={}, config_file=file)
    return [line.removeprefix(f"{file}:") for line in caught.value.problems]
