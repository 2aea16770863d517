"""Imports by command, from made files: wall time, processor time and peak memory of the `darkstar import` process.

A year of quarter-hours as a tidy file and as Home Assistant's history, and a history download of 200 MB. The files are
made in a temporary folder. The short form has a month and a download of a few megabytes.
"""

from benchmarks.harness.results import Row, Scope
from benchmarks.homes.fresh_home import Finished, fresh_home
from benchmarks.homes.made_exports import QUARTER_S, write_history, write_tidy_year

AREA = "SE4"
MOST_YEAR_S, MOST_LARGE_S, MOST_LARGE_MB = 3.0, 20.0, 600.0
LARGE_DAYS, LARGE_STEP_S = 44, 8


def run(scope: Scope) -> list[Row]:
    """Make each file and import it into a home of its own."""
    days = scope.of(365, 28)
    large_days = scope.of(LARGE_DAYS, 1)
    rows: list[Row] = []
    with fresh_home(scope.homes, (scope.homes.villa, AREA)) as empty:
        for name, write, command, most_s, most_mb in (
            ("tidy_year", lambda path: write_tidy_year(path, days), "observations", MOST_YEAR_S, None),
            ("history_year", lambda path: write_history(path, days, QUARTER_S), "ha", MOST_YEAR_S, None),
            (
                "history_200_mb",
                lambda path: write_history(path, large_days, LARGE_STEP_S),
                "ha",
                MOST_LARGE_S,
                MOST_LARGE_MB,
            ),
        ):
            home = empty.copy_to(empty.folder / name)
            file = home.folder / "export.csv"
            write(file)
            megabytes = file.stat().st_size / 1e6
            rows += _rows(name, megabytes, home.run("import", command, str(file)), most_s, most_mb)
            file.unlink()
    return rows


def _rows(name: str, megabytes: float, done: Finished, most_s: float, most_mb: float | None) -> list[Row]:
    peak = done.peak_bytes / 1e6
    return [
        Row(f"{name}_size", megabytes, "MB"),
        Row(f"{name}_rows", int(done.answer["rows_read"])),
        Row(f"{name}_slots", int(done.answer["slots_new"])),
        Row(f"{name}_wall", done.seconds, "s", f"<= {most_s:g}", done.seconds <= most_s, applies="whole"),
        Row(f"{name}_processor", done.processor_seconds, "s"),
        Row(f"{name}_peak_memory", peak, "MB")
        if most_mb is None
        else Row(f"{name}_peak_memory", peak, "MB", f"<= {most_mb:g}", peak <= most_mb, applies="whole"),
    ]
