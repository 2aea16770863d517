"""The audit of dependencies: a finding fails unless it is accepted with a reason, and silence is no good news."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from scripts.audit import (
    ACCEPTED,
    CANARY,
    Acceptance,
    AuditReport,
    complaints,
    installed_pins,
    main,
    parsed_report,
    read_accepted,
)

TODAY = date(2026, 11, 25)
# as pip-audit 2.10 writes it: `--format json --desc off`
REPORT = json.loads(
    '{"dependencies": [{"name": "fine", "version": "1.0", "vulns": []}, {"name": "unheard", "skip_reason": "Dependency '
    'not found on PyPI and could not be audited: unheard (1.0)"}, {"name": "holed", "version": "2.0", "vulns": [{"id": '
    '"PYSEC-2026-1", "fix_versions": ["2.1"], "aliases": ["CVE-2026-1"]}]}], "fixes": []}'
)


def accept(number: str = "PYSEC-2026-1", package: str = "holed", until: date = TODAY) -> Acceptance:
    return Acceptance(number, package, "not used", until)


def test_report_counts_a_package_as_unanswered_when_the_service_does_not_know_it() -> None:
    assert parsed_report(REPORT) == AuditReport(
        ("fine", "holed"), ("unheard",), (("holed", "2.0", "PYSEC-2026-1", "2.1"),)
    )


@pytest.mark.parametrize(
    ("accepted", "says"),
    [
        ([], ["holed 2.0: PYSEC-2026-1, fixed in 2.1; upgrade"]),
        ([accept()], []),
        ([accept(until=date(2026, 11, 24))], ["accepted until 2026-11-24; look again"]),
        ([accept(number="PYSEC-2026-2")], ["holed 2.0: PYSEC-2026-1", "PYSEC-2026-2 is accepted and not there"]),
        ([accept(), accept(package="unheard")], []),
        ([accept(), accept(package="fine")], ["fine: PYSEC-2026-1 is accepted and not there"]),
    ],
    ids=["found", "accepted", "run out", "another", "nobody knows", "gone"],
)
def test_audit_complains_when_a_hole_is_not_accepted(accepted: list[Acceptance], says: list[str]) -> None:
    problems = complaints(parsed_report(REPORT), accepted, TODAY)
    assert len(problems) == len(says)
    assert all(sentence in line for sentence, line in zip(says, problems, strict=True))


def test_accepted_holes_have_reasons_when_read(tmp_path: Path) -> None:
    read_accepted(ACCEPTED)
    path = tmp_path / "accepted.toml"
    path.write_text('[[accepted]]\nid = "A"\npackage = "b"\nreason = " "\nuntil = 2027-01-31\n')
    with pytest.raises(ValueError, match="no reason is given for A"):
        read_accepted(path)


@pytest.mark.parametrize(("words", "code"), [((), 1), (("--allow-undone",), 0)], ids=str)
def test_audit_fails_unless_told_otherwise_when_no_service_can_be_reached(
    root: Path, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    dead = "http://127.0.0.1:9"  # nobody listens there
    done = subprocess.run(
        [sys.executable, "scripts/audit.py", *words],
        cwd=root,
        env={"HTTPS_PROXY": dead, "HTTP_PROXY": dead, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "audit: NOT DONE" in done.stdout
    assert ("--allow-undone" in done.stdout) == (code == 1)
    assert f"about {len(installed_pins())} packages" in done.stdout
    assert any(pin.startswith(f"{CANARY}==") for pin in installed_pins())


@pytest.mark.parametrize(("allowed", "code"), [(False, 1), (True, 0)])
def test_audit_fails_unless_told_otherwise_when_a_package_has_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, allowed: bool, code: int
) -> None:
    partial = AuditReport(("fine",), ("unheard",), ())
    monkeypatch.setattr("scripts.audit.ask", lambda _service, _pins: partial)
    monkeypatch.setattr("sys.argv", ["audit.py", *(["--allow-undone"] if allowed else [])])
    assert main() == code
    assert "NOT DONE for unheard" in capsys.readouterr().out
