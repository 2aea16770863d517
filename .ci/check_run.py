"""Run by `.ci/run` after `make run`: asked again, the sample's verdict makes sense and no picture is drawn anew."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

DAYS = 196
POLICIES = ["idle", "self_consumption", "mpc", "value", "oracle"]
PICTURES = Path(".darkstar/pictures")


def main() -> None:
    """Exits non-zero with what is wrong."""
    drawn = {path.resolve(): path.stat().st_mtime_ns for path in PICTURES.glob("sample-*.png")}
    done = subprocess.run(
        [".venv/bin/darkstar", "sample", "--run", "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode or done.stderr:
        sys.exit(f"exit code {done.returncode}; {done.stderr}{done.stdout}")
    document: dict[str, Any] = json.loads(done.stdout)
    totals = {row["policy"]: row for row in document["totals"]}
    costs = {name: row["cost"] for name, row in totals.items()}
    wrong = [
        what
        for right, what in (
            (list(totals) == POLICIES, f"policies are {list(totals)}"),
            (costs["oracle"] < costs["mpc"] < costs["idle"], f"costs are {costs}"),
            (len(document["left_out"]) + totals["idle"]["days"] == DAYS, f"days left out: {document['left_out']}"),
            ({Path(name).resolve() for name in document["pictures"]} == set(drawn) != set(), f"pictures were {drawn}"),
            (all(path.stat().st_mtime_ns == at for path, at in drawn.items()), "a picture was drawn anew"),
        )
        if not right
    ]
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
