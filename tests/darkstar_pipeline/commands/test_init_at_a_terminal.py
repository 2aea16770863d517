"""`darkstar init` at a terminal: wrong answers are asked again, and Ctrl+C ends it at once and leaves nothing."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from darkstar_pipeline.config.settings import load_settings
from tests.builders.command_line import environment

INTERRUPTED = 130
SECONDS = 60.0
_CONTROLLED = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Takes the terminal for its own, so that Ctrl+C is a signal, and becomes the program."""


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self.master, self.process, self.shown = master, process, ""

    def until(self, text: str) -> None:
        """Read until something new is shown that ends so."""
        new = ""
        while not new.rstrip().endswith(text):
            ready, _, _ = select.select([self.master], [], [], SECONDS)
            assert ready, f"{text!r} was never shown after {self.shown[-200:]!r}"
            try:
                new += os.read(self.master, 4096).decode()
            except OSError as error:
                message = f"it ended before {text!r} was shown: {self.shown}{new}"
                raise AssertionError(message) from error
        self.shown += new

    def answers(self, text: str, then: str) -> None:
        """Type an answer and wait for the next question."""
        os.write(self.master, f"{text}\n".encode())
        self.until(then)


@contextmanager
def at_a_terminal(folder: Path, *words: str) -> Generator[Terminal]:
    """Run `darkstar` with a terminal for everything."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _CONTROLLED, sys.executable, "-m", "darkstar_pipeline.cli", *words],
        stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment(folder), start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.slow  # the command as a process: 3 s
def test_wrong_answers_are_asked_again_and_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "init") as terminal:
        terminal.until("Price area [SE3]:")
        terminal.answers("SE", "Price area [SE3]:")
        terminal.answers("se4", "Battery capacity [kWh] [10.0]:")
        terminal.answers("ten", "Battery capacity [kWh] [10.0]:")
        terminal.answers("0", "Battery capacity [kWh] [10.0]:")
        terminal.answers("13,5", "Battery power [kW] [5.0]:")
        os.write(terminal.master, b"\x03")
        assert terminal.process.wait(SECONDS) == INTERRUPTED
    assert "'ten' is no number" in terminal.shown
    assert "0 is no battery" in terminal.shown
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # as above
def test_answers_make_a_site(tmp_path: Path) -> None:
    with at_a_terminal(tmp_path, "init", "--battery-kw", "5") as terminal:
        terminal.until("Price area [SE3]:")
        terminal.answers("SE3", "Battery capacity [kWh] [10.0]:")
        terminal.answers("13,5", "Solar panels? [Y/n]:")
        terminal.answers("n", "0: no limit [0.0]:")
        terminal.answers("", "0: no limit [0.0]:")
        terminal.answers("20", "Grid company [0]:")
        terminal.answers("elipse", "Grid company [0]:")
        os.write(terminal.master, b"1\n")
        assert terminal.process.wait(SECONDS) == 0
    site = load_settings(tmp_path / "darkstar.yaml").sites["home"]
    assert (site.battery.capacity_kwh, site.has_pv, site.limits.import_kw) == (13.5, False, 13.8)
    assert site.tariff[-1].source is not None
