"""A test that writes into a folder which it shares with others is found, whatever it did there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.shared_folders import guard_shared, written_by_test


@pytest.mark.parametrize(
    ("change", "place"),
    [
        pytest.param(lambda folder: (folder / "new").write_text("x"), "new", id="a file more"),
        pytest.param(lambda folder: (folder / "state" / "old").unlink(), "state/old", id="a file less"),
        pytest.param(lambda folder: (folder / "state" / "old").write_text("other"), "state/old", id="another content"),
    ],
)
def test_change_of_a_shared_folder_is_found_once(tmp_path: Path, change: Callable[[Path], object], place: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "old").write_text("old")
    name = f"a fixture of this test alone: {place}"
    assert guard_shared(name, tmp_path) == tmp_path
    assert written_by_test([name, "another"]) == []
    change(tmp_path)
    assert written_by_test(["another"]) == []
    assert written_by_test([name]) == [f"the test wrote into the shared folder of `{name}`: {place}"]
    assert written_by_test([name]) == []
