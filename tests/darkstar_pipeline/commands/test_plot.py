from pathlib import Path

import pytest

from tests.builders.command_line import Darkstar

PNG = b"\x89PNG\r\n\x1a\n"
SPRING = "2024-03-31"


def test_plot_writes_where_asked_when_the_day_is_there(in_sample: Path, darkstar: Darkstar, tmp_path: Path) -> None:
    assert in_sample.is_dir()
    path = tmp_path / "day.png"
    done = darkstar("plot", "--day", SPRING, "--policies", "mpc,oracle", "--out", str(path), "--json")
    assert (done.code, done.document) == (0, {"file": str(path), "day": SPRING, "policies": ["mpc", "oracle"]})
    assert path.read_bytes().startswith(PNG)


def test_plot_writes_among_the_pictures_when_no_file_is_named(
    in_copy_of_sample: Path, darkstar: Darkstar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("darkstar_pipeline.state.atomic_files.shared_mode", lambda: 0o777)
    done = darkstar("plot", "--day", SPRING, "--policies", "idle")
    expected = in_copy_of_sample / "state" / "pictures" / f"sample-{SPRING}.png"
    assert (done.code, done.out) == (0, f"{expected}\n")
    assert expected.read_bytes().startswith(PNG)
    assert expected.stat().st_mode & 0o111 == 0, "the state's files are not given to others"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("--day", SPRING, "--out", "day.jpg"), 2, id="no PNG"),
        pytest.param(("--day", SPRING, "--out", "no/such/day.png"), 2, id="no such folder"),
        pytest.param(("--day", SPRING, "--policies", "rl"), 3, id="policy that was never trained"),
        pytest.param(("--day", "2024-03-05"), 3, id="refused day"),
    ],
)
def test_plot_ends_with_its_code_when_it_cannot(
    in_sample: Path, darkstar: Darkstar, words: tuple[str, ...], code: int
) -> None:
    done = darkstar("plot", *words, "--json")
    assert done.code == code
    assert done.error["hint"]
    assert not (in_sample / "no").exists()
