"""python -m tests.hardening.fuzz TARGET [libFuzzer options]"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["piplan_tui"]):
    from tests.hardening.fuzz.targets import TARGETS


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
