"""The real opencode, installed by `make setup` under `tests/support/npm`, against the scripted model server."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server import MODEL, PROVIDER, ModelServer

OPENCODE = Path(__file__).parent / "npm" / "opencode" / "node_modules" / ".bin" / "opencode"


def opencode_command() -> str:
    """The command line that starts it, or a failed test (never a skipped one) that says what to do."""
    if not OPENCODE.exists():
        pytest.fail("opencode is not installed for the tests: run make setup", pytrace=False)
    return f"{shlex.quote(str(OPENCODE))} acp"


def opencode_environment(folder: Path, server: ModelServer, **config: Any) -> dict[str, str]:
    """An environment in which opencode knows only this server, and keeps everything in `folder`."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    model = {"name": MODEL, "cost": {"input": 1, "output": 2}, "limit": {"context": 100_000, "output": 8_000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": PROVIDER,
        "options": {"baseURL": server.url, "apiKey": "x"},
        "models": {MODEL: model, "scripted-2": {**model, "name": "scripted-2"}},
    }
    settings = {
        "model": f"{PROVIDER}/{MODEL}",
        "small_model": f"{PROVIDER}/{MODEL}",
        "provider": {PROVIDER: provider},
        "autoupdate": False,
        "share": "disabled",
        **config,
    }
    return {
        "OPENCODE_CONFIG_CONTENT": json.dumps(settings),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "HOME": str(home),
        **{f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("DATA", "CONFIG", "STATE", "CACHE")},
    }
