"""What the terminal view costs with a large run: keys, drawing, idleness, bytes, and opening.

    python benchmarks/screen.py [--seconds 30] [--steps 10000] [--in pty,tmux,headless] [--size 120x40]

In a real terminal, the program runs in a process of its own on a pseudo terminal, directly or inside tmux; what
it writes is fed to a terminal emulator (pyte: `pip install pyte`). A key's time is from writing it to reading
what moved the cursor on the emulated screen. The cost of drawing is the processor time of that process less that
of the same run with nothing drawn.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import psutil
import pyte
from streaming import BETWEEN_KEYS, WARM_UP

BENCHMARKS = Path(__file__).parent


class Screen:
    """A process on a pseudo terminal, and the screen that it draws."""

    def __init__(self, command: list[str], size: tuple[int, int], env: dict[str, str]) -> None:
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = 0
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)

    def read(self, seconds: float) -> float | None:
        """Take in what comes within that time; when it came, or `None`."""
        if not select.select([self.master], [], [], max(0.0, seconds))[0]:
            return None
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return None
        at = time.perf_counter()
        self.written += len(data)
        self._stream.feed(data)
        return at

    def watch(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)

    @property
    def cursor(self) -> tuple[int, str] | None:
        """The line whose row has the cursor, and what the row is about: the line alone stays while all scrolls."""
        buffer = self.screen.buffer
        for place in range(2, self.screen.lines):
            line = buffer[place]
            # the whole screen as text would take longer than what is measured
            if any(line[x].data == ">" for x in range(6)):
                said = "".join(line[x].data for x in range(self.screen.columns))
                if name := re.search(r"s\d{5}|Phase \d+", said):
                    return place, name[0]
        return None

    def wait_for(self, text: str, seconds: float = 120) -> None:
        until = time.perf_counter() + seconds
        while not any(text in line for line in self.screen.display):
            if time.perf_counter() > until or self.process.poll() is not None:
                raise SystemExit(f"{text!r} never came:\n" + "\n".join(self.screen.display))
            self.read(0.2)

    def press(self, key: str) -> float | None:
        """Seconds until the cursor stands elsewhere."""
        before = self.cursor
        started = time.perf_counter()
        os.write(self.master, key.encode())
        while time.perf_counter() - started < 5:
            at = self.read(0.5)
            if at is not None and self.cursor not in (before, None):
                return at - started
        return None

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            until = time.perf_counter() + 20
            while self.process.poll() is None and time.perf_counter() < until:
                self.read(0.1)
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@dataclass
class Measured:
    """What one scene cost. Shares are of one core."""

    keys: list[float] = field(default_factory=list)
    cpu: float = 0.0
    bytes_per_second: float = 0.0

    def milliseconds(self) -> str:
        if len(self.keys) < 20:
            return f"only {len(self.keys)} keys answered"
        cuts = quantiles([key * 1000 for key in self.keys], n=100)
        return f"p50 {cuts[49]:5.1f}  p95 {cuts[94]:5.1f}  p99 {cuts[98]:5.1f} ms ({len(self.keys)} keys)"


class Bench:
    def __init__(self, given: argparse.Namespace, folder: Path) -> None:
        self.given = given
        self.folder = folder
        columns, _, rows = given.size.partition("x")
        self.size = int(columns), int(rows)

    def command(self, scene: str, place: Path) -> list[str]:
        given = self.given
        words = [sys.executable, str(BENCHMARKS / "streaming.py"), scene, "--store", str(place)]
        words += [
            "--steps",
            str(given.steps),
            "--running",
            str(given.running),
            "--updates",
            str(given.updates),
        ]
        return [*words, *(["--flat"] if given.flat else [])]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "TMUX": ""}

    def place(self, scene: str) -> Path:
        place = Path(tempfile.mkdtemp(prefix=scene, dir=self.folder))
        (place / "tmux").mkdir()
        return place

    def started(self, place: Path) -> psutil.Process:
        until = time.perf_counter() + 120
        while not (place / "pid").exists() or not (place / "pid").read_text():
            if time.perf_counter() > until:
                raise SystemExit("the run never started")
            time.sleep(0.05)
        return psutil.Process(int((place / "pid").read_text()))

    def quiet(self, seconds: float) -> float:
        """The processor's share of the run without a screen."""
        place = self.place("quiet")
        process = subprocess.Popen(self.command("quiet", place), env=self.environment())
        watched = self.started(place)
        time.sleep(WARM_UP)
        before, at = used(watched), time.perf_counter()
        time.sleep(seconds)
        share = (used(watched) - before) / (time.perf_counter() - at)
        process.terminate()
        process.wait()
        return share

    def measured(self, scene: str, terminal: str, seconds: float) -> Measured:
        return (
            self.headless(scene, seconds)
            if terminal == "headless"
            else self.on_screen(scene, terminal, seconds)
        )

    def headless(self, scene: str, seconds: float) -> Measured:
        place = self.place(scene)
        words = self.command("headless-idle" if scene == "idle" else "headless", place)
        words += ["--size", self.given.size, "--seconds", str(seconds)]
        subprocess.run(words, env=self.environment(), check=True, stdin=subprocess.DEVNULL)
        found = json.loads((place / "measured.json").read_text())
        if found["unanswered"] > 2:
            print(f"  {found['unanswered']} keys were never answered")
        return Measured(found["keys"], found["cpu"], found["bytes_per_second"])

    def on_screen(self, scene: str, terminal: str, seconds: float) -> Measured:
        """The processor's share and the bytes while nobody presses a key; then how long keys take."""
        place = self.place(scene)
        command = self.command(scene, place)
        env = self.environment()
        if terminal == "tmux":
            env["TMUX_TMPDIR"] = str(place / "tmux")
            command = ["tmux", "-u", "-L", "bench", "-f", "/dev/null", "new-session", *command]
        screen = Screen(command, self.size, env)
        watched: psutil.Process | None = None
        try:
            watched = self.started(place)
            screen.wait_for("NEEDS YOU" if scene == "idle" else "RUNNING")
            screen.watch(WARM_UP)
            measured = Measured()
            before, at, written = used(watched), time.perf_counter(), screen.written
            screen.watch(seconds)
            took = time.perf_counter() - at
            measured.cpu = (used(watched) - before) / took
            measured.bytes_per_second = (screen.written - written) / took
            os.write(screen.master, b"\x1b")  # out of a form
            screen.watch(1.0)  # tmux takes what follows within half a second for the same key
            until = time.perf_counter() + seconds
            keys = "jjjjjjjjkkkkkkkk"
            pressed = 0
            while time.perf_counter() < until:
                screen.watch(random.uniform(*BETWEEN_KEYS))
                answered = screen.press(keys[pressed % len(keys)])
                pressed += 1
                if answered is not None:
                    measured.keys.append(answered)
            if pressed - len(measured.keys) > 2:
                print(f"  {pressed - len(measured.keys)} of {pressed} keys were never answered")
            return measured
        finally:
            if terminal == "tmux" and watched is not None:
                watched.terminate()  # the process on this terminal is only tmux
                psutil.wait_procs([watched], timeout=20)
            screen.end()

    def opening(self) -> tuple[float, float]:
        """Seconds until the rows of a stored run are on the screen, and until an empty program says its version."""
        place = self.place("stored")
        subprocess.run(self.command("stored", place), env=self.environment(), check=True)
        words = [
            sys.executable,
            "-m",
            "piplan_tui",
            "--store",
            str(place / "state"),
            "attach",
            "bench-stored",
        ]
        best = bare = 1e9
        for _ in range(3):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-m", "piplan_tui", "--version"], check=True, capture_output=True)
            bare = min(bare, time.perf_counter() - started)
            started = time.perf_counter()
            screen = Screen(words, self.size, self.environment())
            try:
                screen.wait_for("COMPLETED")
                best = min(best, time.perf_counter() - started)
            finally:
                screen.end()
        return best, bare


def used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def main(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=given.dir) as folder:
        bench = Bench(given, Path(folder))
        print(
            f"{given.steps:,} steps, {given.running} running, {given.updates:,.0f} updates a second, {given.size}"
        )
        without = bench.quiet(given.seconds)
        print(f"nothing drawn        processor {without:6.1%}")
        for terminal in given.terminals.split(","):
            idle = bench.measured("idle", terminal, given.seconds)
            print(f"{terminal:8} idle        processor {idle.cpu:6.1%}", end="")
            print(f"  {idle.bytes_per_second / 1000:6.1f} kB/s  keys {idle.milliseconds()}")
            busy = bench.measured("screen", terminal, given.seconds)
            print(
                f"{terminal:8} loaded      processor {busy.cpu:6.1%}  drawing {busy.cpu - without:6.1%}",
                end="",
            )
            print(f"  {busy.bytes_per_second / 1000:6.1f} kB/s  keys {busy.milliseconds()}")
            if min(len(idle.keys), len(busy.keys)) >= 20:
                ratio = quantiles(busy.keys, n=100)[94] / quantiles(idle.keys, n=100)[94]
                print(f"{terminal:8} p95 loaded / p95 idle: {ratio:.2f}")
        if not given.no_opening:
            opened, bare = bench.opening()
            print(f"a stored run is on the screen after {opened:.2f} s; --version takes {bare:.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each scene is watched")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=64)
    parser.add_argument("--updates", type=float, default=5_000)
    parser.add_argument("--in", dest="terminals", default="pty,tmux,headless")
    parser.add_argument("--size", default="120x40")
    parser.add_argument("--flat", action="store_true", help="a plan without phases and dependencies")
    parser.add_argument("--no-opening", action="store_true")
    parser.add_argument("--dir", help="where the runs are stored")
    main(parser.parse_args())
