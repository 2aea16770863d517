"""Figures as files; drawing leaves no traces in the process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.pictures import png_bytes, save_png
from darkstar_pipeline.pictures.canvas import LARGE, add_text, new_figure, policy_colours, policy_name


def figure(text: str = "hello"):
    drawn = new_figure(LARGE, 1.0)
    add_text(drawn, text, left=0.1, top=0.5, size=10)
    return drawn


def test_png_is_the_same_bytes_when_drawn_twice() -> None:
    assert png_bytes(figure()) == png_bytes(figure())
    assert png_bytes(figure()) != png_bytes(figure("other"))


def test_png_has_neither_date_nor_version_when_written() -> None:
    content = png_bytes(figure())
    assert not [chunk for chunk in (b"tEXt", b"tIME", b"iTXt", b"zTXt") if chunk in content]


def test_png_keeps_white_white_when_colours_are_reduced() -> None:
    from io import BytesIO

    from PIL import Image

    with Image.open(BytesIO(png_bytes(figure()))) as image:
        assert image.size == (1200, 100)
        assert image.convert("RGB").getpixel((1199, 0)) == (255, 255, 255)


def test_save_replaces_the_file_and_leaves_nothing_else_when_repeated(tmp_path: Path) -> None:
    path = tmp_path / "day.png"
    path.write_bytes(b"old")
    save_png(figure(), path)
    assert path.read_bytes() == png_bytes(figure())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("shared", "mode"), [(False, 0o600), (True, 0o644)])
def test_only_a_picture_that_was_asked_for_is_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, shared: bool, mode: int
) -> None:
    monkeypatch.setattr("darkstar_pipeline.state.atomic_files.shared_mode", lambda: 0o644)
    before = os.umask(0o077)
    try:
        save_png(figure(), tmp_path / "day.png", shared=shared)
    finally:
        os.umask(before)
    assert (tmp_path / "day.png").stat().st_mode & 0o777 == mode


def test_save_leaves_the_old_file_when_drawing_fails(tmp_path: Path) -> None:
    path = tmp_path / "day.png"
    path.write_bytes(b"old")
    broken = figure("$\\broken$")  # mathematics that cannot be set
    with pytest.raises(ValueError, match="broken"):
        save_png(broken, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_save_says_where_when_the_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="absent"):
        save_png(figure(), tmp_path / "absent" / "day.png")


@pytest.mark.slow
def test_drawing_touches_no_pyplot_when_run_in_a_new_process() -> None:
    code = (
        "import sys, darkstar_pipeline.pictures as pictures\n"
        "names = ('matplotlib', 'matplotlib.pyplot')\n"
        "print([name in sys.modules for name in names])\n"
        "from darkstar_pipeline.pictures.canvas import LARGE, new_figure\n"
        "pictures.png_bytes(new_figure(LARGE, 1.0))\n"
        "print([name in sys.modules for name in names])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[False, False]", "[True, False]"]  # importing Matplotlib takes a second


def test_policies_have_their_own_colours_when_some_are_unknown() -> None:
    names = ("mpc", "value", "oracle", "models:/planner/3")
    colours = policy_colours(names)
    assert len(set(colours.values())) == 4
    assert colours["mpc"] == policy_colours(["mpc"])["mpc"]


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        pytest.param("mpc", "Optimiser (MPC)", id="known"),
        pytest.param("night_tariff", "night_tariff", id="unknown"),
        pytest.param("models:/a_very_long_model_name/17", "…a_very_long_model_name/17"[-28:], id="long"),
    ],
)
def test_policy_name_keeps_the_version_when_it_is_long(policy: str, name: str) -> None:
    shown = policy_name(policy)
    assert len(shown) <= 28
    assert shown.endswith(name[-3:])
