import sys
from pathlib import Path

import pytest

from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.installation import ROOT, check_packages, check_python


def test_python_is_refused_when_it_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python().verdict is Verdict.OK
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    result = check_python()
    assert result.verdict is Verdict.FAIL
    assert "3.11 to 3.13" in result.remedy


@pytest.mark.parametrize("place", [ROOT, None], ids=["the checkout itself", "another folder"])
def test_packages_pass_when_nothing_hides_them(place: Path | None, tmp_path: Path) -> None:
    result = check_packages(tmp_path if place is None else place)
    assert (result.verdict, result.detail) == (Verdict.OK, str(ROOT))


@pytest.mark.parametrize("name", ["planner/__init__.py", "jobs.py", "env/settings.json"])
def test_packages_warn_when_the_working_directory_hides_one(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    result = check_packages(tmp_path)
    assert result.verdict is Verdict.WARN
    assert str(tmp_path / Path(name).parts[0]) in result.detail
    assert "rename it" in result.remedy


def test_packages_fail_when_another_distribution_installs_one(tmp_path: Path) -> None:
    owners = {"planner": ["darkstar-pipeline", "trip-planner"], "env": ["darkstar-pipeline"]}
    result = check_packages(tmp_path, owners=owners)
    assert (result.verdict, result.detail) == (Verdict.FAIL, "trip-planner installs a package planner too")
    assert "uv tool install" in result.remedy


@pytest.mark.parametrize("installed", ["planner/__init__.py", "jobs.py"])
def test_packages_fail_when_another_distribution_in_this_environment_installs_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str
) -> None:
    information = tmp_path / "trip_planner-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: trip-planner\nVersion: 1.0\n")
    (information / "RECORD").write_text(f"{installed},sha256=x,1\ntrip_planner-1.0.dist-info/METADATA,,\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    result = check_packages(tmp_path / "elsewhere")
    assert result.verdict is Verdict.FAIL
    assert result.detail == f"trip-planner installs a package {Path(installed).parts[0].removesuffix('.py')} too"


def test_packages_fail_when_python_finds_another_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "jobs", raising=False)
    result = check_packages(tmp_path)
    assert result.verdict is Verdict.FAIL
    assert result.detail.startswith(f"jobs is found in {tmp_path / 'jobs'}")
    assert "pipx install" in result.remedy
