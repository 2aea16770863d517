"""Known holes in what we depend on: asks a vulnerability service about every installed package, and says what it heard.

pip-audit alone says "no known vulnerabilities" of packages that its service does not know, so a mirror without that
service would pass for good news. Here a package that nobody answered for counts as not asked, and if one package that
surely exists is not answered for, nothing is taken for an answer.

Ends with 1 on findings that `accepted_vulnerabilities.toml` does not accept, on acceptances that have run out, and on a
failure of pip-audit itself; with 0 where all is well, and where no service could be asked, which is said plainly.
"""

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
    """A hole that somebody looked at.

    Attributes:
        id: as the service calls it, such as PYSEC-2026-1.
        package: that it is in.
        reason: why it does not harm us.
        until: when somebody has to look again.
    """

    id: str
    package: str
    reason: str
    until: date


@dataclass(frozen=True)
class Heard:
    """What a service said.

    Attributes:
        answered: packages that it knows.
        unanswered: packages that it does not know.
        holes: `(package, version, id, fixed in)`.
    """

    answered: tuple[str, ...]
    unanswered: tuple[str, ...]
    holes: tuple[tuple[str, str, str, str], ...]


def read_accepted(path: Path) -> list[Acceptance]:
    """The accepted holes.

    Raises:
        ValueError: one lacks a reason.
    """
    entries: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("accepted", [])
    accepted = [Acceptance(entry["id"], entry["package"], entry["reason"].strip(), entry["until"]) for entry in entries]
    if nameless := [entry.id for entry in accepted if not entry.reason]:
        raise ValueError(f"{path}: no reason is given for {', '.join(nameless)}")
    return accepted


def heard_in(report: Mapping[str, Any]) -> Heard:
    """What pip-audit's JSON report says."""
    entries: list[Mapping[str, Any]] = report["dependencies"]
    known = [entry for entry in entries if "skip_reason" not in entry]
    holes = [
        (entry["name"], entry["version"], hole["id"], ", ".join(hole.get("fix_versions", [])))
        for entry in known
        for hole in entry.get("vulns", [])
    ]
    unknown = [entry["name"] for entry in entries if "skip_reason" in entry]
    return Heard(tuple(entry["name"] for entry in known), tuple(unknown), tuple(holes))


def complaints(heard: Heard, accepted: Sequence[Acceptance], today: date) -> list[str]:
    """What must be mended."""
    found: list[str] = []
    by_id = {(entry.package, entry.id): entry for entry in accepted}
    for package, installed, hole, fixed in heard.holes:
        entry = by_id.get((package, hole))
        if entry is None:
            remedy = f"fixed in {fixed}" if fixed else "not fixed yet"
            found.append(f"{package} {installed}: {hole}, {remedy}; upgrade, or accept it with a reason")
        elif entry.until < today:
            found.append(f"{package}: {hole} was accepted until {entry.until}; look again")
    there = {(package, hole) for package, _, hole, _ in heard.holes}
    gone = [entry for entry in accepted if (entry.package, entry.id) not in there and entry.package in heard.answered]
    return [*found, *(f"{entry.package}: {entry.id} is accepted and not there any more; remove it" for entry in gone)]


def ask(service: str, pins: Sequence[str]) -> Heard | None:
    """Ask a service about pinned packages; None where it cannot be reached or pip-audit fails."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "pins.txt"
        listed.write_text("\n".join(pins) + "\n")
        words = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json", "--desc", "off")
        command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "-r", str(listed), *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)  # noqa: S603 - our own words
            return heard_in(json.loads(done.stdout))
        except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
            return None


def installed_pins() -> list[str]:
    """What is installed here, but for ourselves."""
    found = {each.metadata["Name"]: each.version for each in distributions()}
    # A local label such as +cpu names a build, which no service knows.
    return sorted(f"{name}=={number.split('+')[0]}" for name, number in found.items() if name.lower() != OWN)


def main() -> int:
    """Audit this environment; the exit code."""
    accepted, pins = read_accepted(ACCEPTED), installed_pins()
    for service in SERVICES:
        probe = ask(service, [f"{CANARY}=={version(CANARY)}"])
        if probe is None or not probe.answered:
            _tell(f"audit: {service} does not answer from here")
            continue
        heard = ask(service, pins)
        if heard is None:
            _tell(f"audit: {service} answered for {CANARY} and failed on the rest")
            return 1
        return _verdict(service, heard, accepted)
    _tell(f"audit: NOT DONE. No vulnerability service could be asked, so nothing is known about {len(pins)} packages")
    return 0


def _verdict(service: str, heard: Heard, accepted: Sequence[Acceptance]) -> int:
    """Say what was heard."""
    if heard.unanswered:
        _tell(f"audit: {service} knows nothing of {', '.join(heard.unanswered)}")
    wrong = complaints(heard, accepted, datetime.now(UTC).date())
    for line in wrong:
        _tell(f"audit: {line}")
    told = f"{len(heard.holes)} holes, {len(wrong)} to mend"
    _tell(f"audit: {len(heard.answered)} packages asked about at {service}, {told}")
    return 1 if wrong else 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
