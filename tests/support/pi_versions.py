"""The two Pi versions that the tests run against, installed by `make setup` under `tests/support/npm`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

NPM = Path(__file__).parent / "npm"


@dataclass(frozen=True)
class PiVersion:
    """One installed Pi: `version` as its package says, `command` as a program and its arguments."""

    version: str
    cli: Path
    node: Path | None

    @property
    def installed(self) -> bool:
        return self.cli.is_file() and self.node is not None and self.node.exists()

    @property
    def command(self) -> tuple[str, ...]:
        return (str(self.node), str(self.cli))


def _node_of(folder: str) -> Path | None:
    local = NPM / folder / "node_modules" / ".bin" / "node"
    if local.exists():
        return local
    found = shutil.which("node")
    return Path(found) if found else None


SEED = PiVersion(
    version="0.72.1",
    cli=NPM / "seed" / "node_modules" / "@mariozechner" / "pi-coding-agent" / "dist" / "cli.js",
    node=_node_of("seed"),
)
NEWEST = PiVersion(
    version="0.87.1",
    cli=NPM
    / "newest"
    / "node_modules"
    / "@earendil-works"
    / "pi-coding-agent"
    / "dist"
    / "bundle"
    / "cli.js",
    node=_node_of("newest"),
)
ALL = (SEED, NEWEST)


def require(version: PiVersion) -> PiVersion:
    """The version itself, or a failed test (never a skipped one) that says what to do."""
    if not version.installed:
        pytest.fail(f"Pi {version.version} is not installed for the tests: run make setup", pytrace=False)
    return version


@pytest.fixture(params=ALL, ids=lambda version: version.version)
def pi_version(request: pytest.FixtureRequest) -> PiVersion:
    """Each supported Pi in turn."""
    version: PiVersion = request.param
    return require(version)


@pytest.fixture
def newest_pi() -> PiVersion:
    """The newest supported Pi, for what does not depend on the version."""
    return require(NEWEST)
