"""Check every installed package against a vulnerability service, and report known vulnerabilities.

pip-audit alone says "no known vulnerabilities" of packages that its service does not know, so a mirror without that
service would look like a clean result. Here a package without an answer counts as unchecked, and if a package that
surely exists has no answer, the service counts as unreachable.

Ends with 1 on findings that `accepted_vulnerabilities.toml` does not accept, on acceptances that have run out, on a
failure of pip-audit itself, and where the audit, or a part of it, could not be done; `--allow-undone` lets the last
pass where it is known that no service can be reached, and the output still says what was not done.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ACCEPTED = ROOT / "scripts" / "accepted_vulnerabilities.toml"
OWN = "darkstar-pipeline"
CANARY = "idna"  # small, old, and a dependency of httpx: every real service knows it
SERVICES = ("pypi", "osv")
SECONDS = 600


@dataclass(frozen=True)
class Acceptance:
    """A vulnerability that was reviewed and accepted.

    Attributes:
        id: the service's id, such as PYSEC-2026-1.
        package: name of the package.
        reason: reason why it is harmless here.
        until: date of the next review.
    """

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True)
class AuditReport:
    """The answer of a service.

    Attributes:
        answered: packages that it knows.
        unanswered: packages that it does not know.
        holes: `(package, version, id, fixed in)`.
    """

    answered: tuple[str, ...]
    unanswered: tuple[str, ...]
    holes: tuple[tuple[str, str, str, str], ...]


def read_accepted(path: Path) -> list[Acceptance]:
    """Return the accepted vulnerabilities.

    Raises:
        ValueError: one lacks a reason.
    """
    entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", [])
    accepted = [Acceptance(entry["id"], entry["package"], entry["reason"].strip(), entry["until"]) for entry in entries]
    if nameless := [entry.id for entry in accepted if not entry.reason]:
        raise ValueError(f"{path}: no reason is given for {', '.join(nameless)}")
    return accepted


def parsed_report(document: Mapping[str, Any]) -> AuditReport:
    """Return the content of pip-audit's JSON report."""
    entries: list[Mapping[str, Any]] = document["dependencies"]
    known = [entry for entry in entries if "skip_reason" not in entry]
    holes = [
        (entry["name"], entry["version"], hole["id"], ", ".join(hole.get("fix_versions", [])))
        for entry in known
        for hole in entry.get("vulns", [])
    ]
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    return AuditReport(tuple(entry["name"] for entry in known), tuple(unknown), tuple(holes))


def complaints(report: AuditReport, accepted: Sequence[Acceptance], today: date) -> list[str]:
    """Return the problems to fix, a sentence each."""
    problems: list[str] = []
    by_id = {(entry.package, entry.id): entry for entry in accepted}
    for package, installed, hole, fixed in report.holes:
        entry = by_id.get((package, hole))
        if entry is None:
            remedy = f"fixed in {fixed}" if fixed else "not fixed yet"
            problems.append(f"{package} {installed}: {hole}, {remedy}; upgrade, or accept it with a reason")
        elif entry.until < today:
            problems.append(f"{package}: {hole} was accepted until {entry.until}; look again")
    there = {(package, hole) for package, _, hole, _ in report.holes}
    gone = [entry for entry in accepted if (entry.package, entry.id) not in there and entry.package in report.answered]
    problems += [f"{entry.package}: {entry.id} is accepted and not there any more; remove it" for entry in gone]
    return problems


def ask(service: str, pins: Sequence[str]) -> AuditReport | None:
    """Ask a service about pinned packages; None where it cannot be reached or pip-audit fails."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("\n".join(pins) + "\n")
        words = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--desc", "off")
        command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "-r", str(listed), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 - our own words
            return parsed_report(json.loads(done.stdout))
        except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
            return None


def installed_pins() -> list[str]:
    """Return pins of the installed packages, without this one."""
    versions = {package.metadata["Name"]: package.version for package in distributions()}
    # A local label such as +cpu names a build, which no service knows.
    return sorted(f"{name}=={number.split('+')[0]}" for name, number in versions.items() if name.lower() != OWN)


def main() -> int:
    """Audit this environment and return the exit code."""
    parser = argparse.ArgumentParser(description="Ask a vulnerability service about every installed package.")
    parser.add_argument("--allow-undone", action="store_true", help="pass where packages could not be checked")
    options = parser.parse_args()
    accepted, pins = read_accepted(ACCEPTED), installed_pins()
    for service in SERVICES:
        probe = ask(service, [f"{CANARY}=={version(CANARY)}"])
        if probe is None or not probe.answered:
            _print(f"audit: {service} does not answer from here")
            continue
        report = ask(service, pins)
        if report is None:
            _print(f"audit: {service} answered for {CANARY} and failed on the rest")
            return 1
        return _verdict(service, report, accepted, allow_undone=options.allow_undone)
    _print(f"audit: NOT DONE. No vulnerability service could be asked, so nothing is known about {len(pins)} packages")
    return _undone(allowed=options.allow_undone)


def _undone(*, allowed: bool) -> int:
    """Say what an audit that was not done counts as, and return the exit code."""
    if not allowed:
        _print("audit: fails. Run it where pypi.org or api.osv.dev can be reached, or allow this with --allow-undone")
    return 0 if allowed else 1


def _verdict(service: str, report: AuditReport, accepted: Sequence[Acceptance], *, allow_undone: bool) -> int:
    """Print the findings and return the exit code."""
    undone = 0
    if report.unanswered:
        _print(f"audit: NOT DONE for {', '.join(report.unanswered)}: {service} knows nothing of them")
        undone = _undone(allowed=allow_undone)
    wrong = complaints(report, accepted, datetime.now(UTC).date())
    for line in wrong:
        _print(f"audit: {line}")
    summary = f"{len(report.holes)} holes, {len(wrong)} to fix"
    _print(f"audit: {len(report.answered)} packages checked at {service}, {summary}")
    return 1 if wrong else undone


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
