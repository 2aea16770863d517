"""`darkstar backup`, `restore`, `clean` and `doctor`: a state folder is saved, brought back, kept small and checked."""

import re
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from darkstar_pipeline.console.arguments import check_picture, check_range, own_picture, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bars
from darkstar_pipeline.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from darkstar_pipeline.config.settings import Settings
    from darkstar_pipeline.doctor.repair import Repaired
    from darkstar_pipeline.doctor.stored_data import StoredData

MIB = 2**20
_HEADINGS = {"verdict": "", "check": "check", "detail": "result", "remedy": "what to do"}
_CLEAN_HEADINGS = {
    "kind": "kind",
    "size": "size",
    "count": "there are",
    "needed": "needed",
    "goes": "went",
    "frees": "frees about",
    "setting": "kept by",
    "problem": "not done because",
}
_AMOUNT_HEADINGS = {
    "name": "quantity",
    "first_day": "first day",
    "last_day": "last day",
    "days": "days",
    "there": "slots",
    "gaps": "gaps",
    "longest": "longest",
}
_SIZE_HEADINGS = {
    "name": "quantity",
    "typical": "a day",
    "highest": "highest slot",
    "when": "at",
    "refused": "refused",
    "altered": "altered",
}
_SECRET_SETTINGS = ("token_file", "password_file", "key_file")
_NAMES_SECRET = re.compile(r"(?:token|password|key)_file['\"]?\s*:\s*['\"]?([^\s'\"#,}]+)")


def backup(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive to write: NAME.tar.zst or NAME.tar.gz.")],
) -> Document:
    """Save state folder and configuration in one file, without secrets.

    The services may keep running. Files with tokens and passwords are left out.
    """
    from darkstar_pipeline.backups.archive import make_backup
    from darkstar_pipeline.config.settings import config_path, home_dir, load_settings
    from darkstar_pipeline.errors import ConfigurationError

    broken = False
    try:
        secrets = _secret_files(load_settings())
    except ConfigurationError as error:  # what is broken needs a backup most
        call.note(f"the configuration cannot be read, so files that look secret are left out: {error.message}")
        broken, secrets = True, _secret_files_in(config_path())
    report = make_backup(
        home_dir(), file, now=datetime.now(UTC), configuration=config_path(), secrets=secrets, suspicious=broken
    )
    document: dict[str, Any] = asdict(report)
    text = f"{report.file}: {report.files} files, {report.bytes / MIB:.1f} MiB in {report.size / MIB:.1f} MiB"
    without = f"\nleft out because secret: {', '.join(report.left_out)}" if report.left_out else ""
    return Document(document, lambda out: out.print(text + without, markup=False))


def restore(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The archive that `darkstar backup` wrote.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Move an existing state folder and configuration aside.")
    ] = False,
    with_secrets: Annotated[
        bool, typer.Option("--with-secrets", help="Take tokens and passwords from the archive, if it holds any.")
    ] = False,
) -> Document:
    """Verify a backup, then put it in place of the state folder.

    Stop all services on the folder first. A damaged archive changes nothing.
    """
    from darkstar_pipeline.backups.restore import restore_backup
    from darkstar_pipeline.config.settings import config_path, home_dir

    call.note("verifying …")
    report = restore_backup(
        file, home_dir(), configuration=config_path(), now=datetime.now(UTC), force=force, secrets=with_secrets
    )
    lines = [
        f"{report.home}: {report.files} files of {report.created_at}",
        *([f"the old state folder is now {report.old_state}"] if report.old_state else []),
        *([f"configuration: {report.configuration}"] if report.configuration else []),
        *([report.note] if report.note else []),
        "a backup has no tokens: the service makes a new one when it starts; set Home Assistant's again",
    ]
    return Document(asdict(report), lambda out: out.print("\n".join(lines), markup=False))


def clean(
    call: Call,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
) -> Document:
    """Remove what is past its time: old plans, runs, versions that nothing needs, long logs.

    The settings below `retention` say what that is. Readings, prices, results, versions in use and those that a
    rollback returns to stay. A service may keep running.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.retention import cleaning

    call.note("looking …" if dry_run else "removing what is past its time …")
    reports = cleaning.clean(home_dir(), load_settings(), now=datetime.now(UTC), dry_run=dry_run)
    rows = [
        {
            "kind": report.kind,
            "size": f"{report.size / MIB:.1f} of {report.budget / MIB:.0f} MiB",
            "count": report.count,
            "needed": report.needed,
            "goes": report.goes,
            "frees": f"{report.frees / MIB:.1f} MiB",
            "setting": report.setting,
            "problem": report.problem,
        }
        for report in reports
    ]
    headings = {**_CLEAN_HEADINGS, "goes": "would go" if dry_run else "went"}
    failed = any(report.problem for report in reports)
    document = {"dry_run": dry_run, "kinds": cleaning.as_document(reports), "complete": not failed}
    code = ExitCode.OUTSIDE if failed else ExitCode.DONE
    return Document(document, lambda out: draw_table(out, rows, headings), code)


def doctor(
    call: Call,
    *,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Move aside what lies wrongly, mend modes, then check."),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Look at all days of a fleet's lake; default: the newest.")
    ] = False,
    data: Annotated[
        bool, typer.Option("--data", help="Check instead what is stored: each quantity in figures, and a week drawn.")
    ] = False,
    first: Annotated[
        date | None,
        typer.Option("--from", parser=parse_day, metavar="DAY", help="With --data: first day; default: all stored."),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option("--to", parser=parse_day, metavar="DAY", help="With --data: last day; its week is drawn."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.png", help="With --data: the picture; default: in the state folder."),
    ] = None,
) -> Document:
    """Check installation, configuration, state folder, data and models.

    A failed check names its remedy; the command then ends with 3. With --data: what is stored of each quantity, where
    it came from, what is missing or unlike the home, and whether the energies balance.
    """
    if data:
        if repair or every:
            raise UsageError("--data only looks at one home's days, --repair changes files", "give one of them")
        return _stored_data(call, first, last, out)
    if first is not None or last is not None or out is not None:
        raise UsageError("--from, --to and --out belong to --data", "darkstar doctor --data --from DAY --to DAY")
    return _checks(call, repair=repair, every=every)


def _checks(call: Call, *, repair: bool, every: bool) -> Document:
    """Run the checks of everything around the data."""
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.doctor import Verdict, run_checks
    from darkstar_pipeline.service.control_checks import check_all
    from darkstar_pipeline.service.devices.care_checks import check_care_of_sites
    from darkstar_pipeline.state.privacy import mend_modes

    now = datetime.now(UTC)
    repaired = _repaired(call, now, every=every) if repair else []
    if repair and (opened := mend_modes(home_dir())).count:
        call.note(f"{opened.count} files and folders could be read by others, and are their owner's alone now")
    for each in repaired:
        call.note(f"{each.path}: {each.note}; it is now {each.aside}")
    with progress_bars(call) as progress:
        findings = run_checks(home_dir(), call.site, now=now, every=every, progress=progress)
    findings += [*check_all(home_dir(), call.site), *check_care_of_sites(home_dir(), call.site, now)]
    rows = [asdict(finding) for finding in findings]
    healthy = all(finding.verdict is not Verdict.FAIL for finding in findings)
    document: dict[str, Any] = {"healthy": healthy, "sound": healthy, "checks": rows}  # `sound`: 0.1, for one release
    if repair:
        document["repaired"] = [asdict(each) for each in repaired]
    code = ExitCode.DONE if healthy else ExitCode.DATA
    return Document(document, lambda out: draw_table(out, rows, _HEADINGS), code)


def _repaired(call: Call, now: datetime, *, every: bool) -> "list[Repaired]":
    """Repair the lakes of single homes and of a fleet; a fleet whose lake cannot be asked is told, and checked then."""
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.doctor.repair import repair_lake
    from darkstar_pipeline.errors import ConfigurationError, DarkstarError

    done = repair_lake(home_dir(), now=now)
    try:
        fleet = load_settings().fleet
    except ConfigurationError as error:
        call.note(f"the configuration cannot be read, so only the state folder is repaired: {error.message}")
        return done
    if fleet is None or call.site is not None:
        return done
    from darkstar_pipeline.doctor.fleet.repair import repair_fleet_lake

    try:
        with progress_bars(call) as progress:
            done += repair_fleet_lake(fleet, home_dir(), now=now, every=every, progress=progress)
    except DarkstarError as error:
        call.note(f"the fleet's lake is not repaired: {error.message}")
    return done


def _stored_data(call: Call, first: date | None, last: date | None, out: Path | None) -> Document:
    """Check what is stored of a site, and draw its last week."""
    from darkstar_pipeline.doctor.stored_data import examine_data
    from darkstar_pipeline.pictures import save_png, week_figure

    if first is not None and last is not None:
        check_range(first, last)
    wanted = None if out is None else check_picture(out)
    context = call.context()
    stored = examine_data(context, first, last)
    figure = week_figure(
        stored.week,
        [quantity.quantity for quantity in stored.quantities],
        site=context.site_name,
        timezone=context.timezone,
        currency=context.site_settings.currency,
        unlike={each.quantity: [reading.slot_start for reading in each.unlike] for each in stored.quantities},
        refused=stored.excluded,
    )
    target = own_picture(context, f"week-{stored.week['local_day'][-1]}") if wanted is None else wanted
    save_png(figure, target, shared=wanted is not None)
    document = {
        "site": context.site_name,
        "from": stored.first_day,
        "to": stored.last_day,
        "quantities": [asdict(quantity) for quantity in stored.quantities],
        "balance": None if stored.balance is None else asdict(stored.balance),
        "week": {"from": stored.week["local_day"][0], "to": stored.week["local_day"][-1], "refused": stored.excluded},
        "disagreeing_hours": [asdict(hour) for hour in stored.disagreeing],
        "picture": str(target),
    }
    return Document(document, lambda pen: draw_stored_data(pen, stored, context.timezone, target))


def draw_stored_data(out: "Console", stored: "StoredData", timezone: str, picture: Path) -> None:
    """Print how much there is, how large it is, where it came from, and what is not right with it."""
    from darkstar_pipeline.doctor.stored_rows import fact_rows, quantity_rows

    rows = quantity_rows(stored, timezone)
    draw_table(out, rows, _AMOUNT_HEADINGS)
    out.print()
    draw_table(out, rows, _SIZE_HEADINGS)
    out.print()
    facts = [*fact_rows(stored, timezone), {"fact": "picture", "value": str(picture)}]
    draw_table(out, facts, {"fact": "", "value": ""})


def _secret_files(settings: "Settings") -> list[Path]:
    """Return the files with secrets that the configuration names, whatever section they stand in."""
    return list(_secrets_in(settings.model_dump()))


def _secrets_in(values: object) -> "Iterator[Path]":
    """Yield the files whose setting says that they hold a token, a password or a key."""
    if isinstance(values, dict):
        for name, value in cast("dict[str, object]", values).items():
            if isinstance(value, Path) and name.endswith(_SECRET_SETTINGS):
                yield value
            else:
                yield from _secrets_in(value)
    elif isinstance(values, tuple | list):
        for value in cast("Sequence[object]", values):
            yield from _secrets_in(value)


def _secret_files_in(configuration: Path) -> list[Path]:
    """Return the files with secrets that a configuration names which cannot be read as a whole."""
    try:
        text = configuration.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [Path(name) for name in _NAMES_SECRET.findall(text)]
