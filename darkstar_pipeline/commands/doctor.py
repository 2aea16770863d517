"""`darkstar doctor`: run every check, a line each with what to fix."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.errors import ExitCode

_HEADINGS = {"verdict": "", "check": "check", "detail": "result", "remedy": "what to do"}


def doctor(
    call: Call,
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Move aside what lies wrongly in the lake, then check.")
    ] = False,
) -> Document:
    """Check installation, configuration, state folder, data and models.

    A failed check names its remedy; the command then ends with 3.
    """
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.doctor import Verdict, run_checks
    from darkstar_pipeline.doctor.repair import repair_lake
    from darkstar_pipeline.service.control_checks import check_all

    now = datetime.now(UTC)
    repaired = repair_lake(home_dir(), now=now) if repair else []
    for each in repaired:
        call.note(f"{each.path}: {each.note}; it is now {each.aside}")
    findings = [*run_checks(home_dir(), call.site, now=now), *check_all(home_dir(), call.site)]
    rows = [asdict(finding) for finding in findings]
    healthy = all(finding.verdict is not Verdict.FAIL for finding in findings)
    document: dict[str, Any] = {
        "healthy": healthy,
        "sound": healthy,
        "checks": rows,
    }  # `sound` is the key of 0.1, for one release
    if repair:
        document["repaired"] = [asdict(each) for each in repaired]
    code = ExitCode.DONE if healthy else ExitCode.DATA
    return Document(document, lambda out: draw_table(out, rows, _HEADINGS), code)
