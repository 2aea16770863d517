"""The state is its owner's alone whatever the umask; files that a person asks for follow the umask."""

import os
import subprocess
import sys
from pathlib import Path

from tests.builders.tidy_files import prices


def test_state_is_private_and_a_file_that_was_asked_for_follows_the_umask(tmp_path: Path) -> None:
    state, file, out = tmp_path / "state", tmp_path / "prices.csv", tmp_path / "out.csv"
    prices().write_csv(file)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DARKSTAR_")},
        "DARKSTAR_HOME": str(state),
        "DARKSTAR_CONFIG": str(tmp_path / "darkstar.yaml"),
    }
    commands = (["init", "--yes"], ["import", "prices", str(file)], ["query", "SELECT 1 AS a", "--out", str(out)])
    for words in commands:
        code = "from darkstar_pipeline.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *words], env=environment, umask=0, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    found = [state, *state.rglob("*"), tmp_path / "darkstar.yaml"]
    assert len(found) > 4
    assert {path.stat().st_mode & 0o777 for path in found if path.is_dir()} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in found if path.is_file()} == {0o600}
    assert out.stat().st_mode & 0o777 == 0o666
