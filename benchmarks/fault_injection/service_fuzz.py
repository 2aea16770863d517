"""Test of a running service against its own OpenAPI document with schemathesis, which must find no failure."""

import subprocess
import sysconfig
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import TOKEN, configure, serving

EACH = 0.077
"""Examples of each operation as a share of the cases wanted: schemathesis adds those of its coverage phase."""
SEED = 3
SECONDS = 400


@dataclass(frozen=True)
class Fuzzed:
    """Result of a run of schemathesis.

    Attributes:
        cases: number of requests.
        failures: failures, a line each.
    """

    cases: int
    failures: list[str]


def fuzz(home: FreshHome, at: datetime, n_cases: int) -> Fuzzed:
    """Send made-up requests, good and bad, to every operation of a home's service, with all of schemathesis' checks."""
    configure(home, "requests_per_second", "100000")
    with serving(home, at) as service:
        service.until_planned()
        program = str(Path(sysconfig.get_path("scripts")) / "schemathesis")
        words = ("--phases", "examples,coverage,fuzzing", "--seed", str(SEED), "--no-color", "--report", "ndjson")
        examples = ("--max-examples", str(max(int(n_cases * EACH), 5)))
        place = ("--report-dir", str(home.folder / "fuzz"), "--header", f"Authorization: Bearer {TOKEN}")
        done = subprocess.run(  # noqa: S603 - our own words
            [program, "run", f"{service.url.rstrip('/')}/openapi.json", *words, *examples, *place],
            cwd=home.folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        alive = service.process.poll() is None
    return _read(done.stdout, alive=alive)


def _read(output: str, *, alive: bool) -> Fuzzed:
    """Read the summary of schemathesis."""
    cases = next((line for line in output.splitlines() if " generated" in line), "0 generated")
    failures = [line.strip() for line in output.splitlines() if line.strip().startswith(("❌ ST", "❌ Failed", "- ST"))]
    if "Failures:" in output and not failures:
        failures = ["schemathesis reports failures"]
    if not alive:
        failures.append("the service ended")
    return Fuzzed(int(cases.split()[0].replace(",", "")), sorted(set(failures)))
