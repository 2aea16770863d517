"""The state is its owner's alone whatever the umask; files that a person asks for follow the umask."""

import os
import subprocess
import sys
from pathlib import Path

from darkstar_pipeline.state.privacy import OpenFiles, find_open_files, mend_modes
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


def test_files_of_an_older_state_folder_are_mended_and_other_things_are_left(tmp_path: Path) -> None:
    home = tmp_path / "state"
    day = home / "lake" / "prices" / "day=2026-01-01"
    day.mkdir(parents=True)
    (day / "part.parquet").write_bytes(b"x")
    (home / "state.json").write_text("{}")
    for path in (home, home / "lake", home / "lake" / "prices", day):
        path.chmod(0o755)
    for path in (day / "part.parquet", home / "state.json"):
        path.chmod(0o644)
    outside = tmp_path / "mine.txt"
    outside.write_text("mine")
    outside.chmod(0o644)
    (home / "lake" / "link").symlink_to(outside)
    assert find_open_files(home) == OpenFiles(6, home)
    assert mend_modes(home).count == 6
    assert (day.stat().st_mode & 0o777, (day / "part.parquet").stat().st_mode & 0o777) == (0o700, 0o600)
    assert find_open_files(home) == OpenFiles(0, None)
    assert outside.stat().st_mode & 0o777 == 0o644, "a link is not followed"


def test_a_folder_with_other_things_in_it_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir(mode=0o755)
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake").chmod(0o755)
    tmp_path.chmod(0o755)
    assert mend_modes(tmp_path) == OpenFiles(1, tmp_path / "lake")
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert mend_modes(tmp_path / "nothing").count == 0
