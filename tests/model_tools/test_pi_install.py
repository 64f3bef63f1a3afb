"""The extension gets into Pi's folder and out of it, and nobody's own work is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.model_tools.pi_install import NotOurs, extension_path, extension_text, install, uninstall


def test_it_goes_where_pi_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert extension_path({}) == tmp_path / ".pi/agent/extensions/piplan-tui.ts"
    assert extension_path({"PI_CODING_AGENT_DIR": "~/x"}) == tmp_path / "x/extensions/piplan-tui.ts"


def test_an_older_one_of_ours_is_replaced_a_changed_one_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "extensions" / "piplan-tui.ts"
    older, text = extension_text(["old"]), extension_text(["piplan-tui"])
    assert install(path, older)
    assert install(path, text)
    assert not install(path, text)
    assert path.read_text() == text

    changed = text.replace("session_start", "my_own_event")
    path.write_text(changed)
    for act in (lambda: install(path, text), lambda: uninstall(path)):
        with pytest.raises(NotOurs, match="--force"):
            act()
        assert path.read_text() == changed
    assert install(path, text, force=True)
    assert uninstall(path)
    assert not uninstall(path)
    assert list(path.parent.iterdir()) == []


def test_a_file_of_somebody_else_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "piplan-tui.ts"
    path.write_text("export default function () {}\n")
    with pytest.raises(NotOurs):
        install(path, extension_text(["piplan-tui"]))
