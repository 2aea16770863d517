from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.state.atomic_files import atomic_write


def test_atomic_write_leaves_the_old_file_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def half() -> None:
        with atomic_write(target) as temporary:
            temporary.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_write_keeps_mode_and_link_when_the_file_was_there(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o600)
    link.symlink_to(real)
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", [Path("missing/a.txt"), Path()])
def test_atomic_write_refuses_when_the_place_cannot_hold_a_file(tmp_path: Path, place: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot write"), atomic_write(tmp_path / place):
        pass
