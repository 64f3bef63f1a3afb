"""python -m tests.hardening.fuzz [TARGET] [libFuzzer options]: one target, or each for SECONDS (20) of time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("coverage-guided fuzzing needs atheris: pip install atheris")

with atheris.instrument_imports(include=["piplan_tui"]):
    from tests.hardening.fuzz.targets import TARGETS

from tests.hardening.test_untrusted_text import SEEDS

_DONE = re.compile(r"^Done (\d+) runs in (\d+) second|^#(\d+)\s", re.MULTILINE)
_COVERAGE = re.compile(r"cov: (\d+)")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(all_targets(float(os.environ.get("SECONDS_EACH", "20"))))
    if sys.argv[1] not in TARGETS:
        sys.exit(f"name a target: {', '.join(TARGETS)}")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


def all_targets(seconds: float) -> int:
    """A line for each target; the number of those in which something was found."""
    found = 0
    for name in TARGETS:
        with tempfile.TemporaryDirectory() as corpus:
            for number, seed in enumerate(SEEDS[name]):
                Path(corpus, f"seed-{number}").write_bytes(seed)
            command = [sys.executable, "-m", __spec__.name.removesuffix(".__main__"), name]
            options = [f"-max_total_time={seconds:g}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2000"]
            done = subprocess.run(
                [*command, *options, corpus], stderr=subprocess.PIPE, text=True, errors="replace", check=False
            )
        runs = max((int(match[1] or match[3]) for match in _DONE.finditer(done.stderr)), default=0)
        coverage = [int(number) for number in _COVERAGE.findall(done.stderr)]
        outcome = "nothing found" if done.returncode == 0 else "FOUND, see below"
        print(f"{name:8} {runs:9,} inputs  {max(coverage, default=0):5} edges  {outcome}", flush=True)
        if done.returncode:
            found += 1
            print(done.stderr[-3000:])
    return found


if __name__ == "__main__":
    main()
