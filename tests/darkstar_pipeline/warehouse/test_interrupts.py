"""DuckDB's interruption is a KeyboardInterrupt, and nothing else is."""

import signal
import subprocess
import sys

import pytest

from darkstar_pipeline.warehouse.interrupts import interruptible

LONG = """
import signal
import duckdb
from darkstar_pipeline.warehouse.interrupts import interruptible
signal.signal(signal.SIGINT, signal.default_int_handler)
connection = duckdb.connect()
try:
    print("ready", flush=True)
    while True:
        with interruptible():
            connection.sql("SELECT sum(a.range * b.range) FROM range(3000) a, range(1000) b").pl()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_interruption_is_named_when_duckdb_answers_the_signal() -> None:
    with subprocess.Popen([sys.executable, "-c", LONG], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "interrupted\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    "error", [RuntimeError("another"), NotImplementedError("Query"), ValueError("Query interrupted")]
)
def test_other_errors_pass_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, interruptible():
        raise error
    assert raised.value is error


def test_duckdbs_words_are_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        raise RuntimeError("Query interrupted")
