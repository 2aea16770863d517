import io
from datetime import UTC, date, datetime

from darkstar_pipeline.console.output import console, draw_table


def drawn(rows: list[dict[str, object]], columns: dict[str, str]) -> list[str]:
    out = io.StringIO()
    draw_table(console(out), rows, columns)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_draw_table_keeps_brackets_when_headings_name_units() -> None:
    head, _, row = drawn([{"a": 1.234, "b": "[bold]x"}], {"a": "cost [kWh]", "b": "reason"})
    assert head.split("   ")[0] == "cost [kWh]"
    assert row.split() == ["1.23", "[bold]x"]


def test_draw_table_shows_nothing_and_zero_apart_when_values_are_missing() -> None:
    rows = drawn([{"a": None, "b": 0.0}, {"a": 0, "b": None}], {"a": "a", "b": "b"})[2:]
    assert [row.split() for row in rows] == [["–", "0.00"], ["0", "–"]]


def test_draw_table_cuts_nothing_when_it_is_wide_and_not_on_a_terminal() -> None:
    columns = {str(i): f"column {i}" for i in range(60)}
    rows = drawn([dict.fromkeys(columns, "x" * 30)], columns)
    assert len(rows) == 3
    assert rows[2].split() == ["x" * 30] * 60


def test_draw_table_writes_days_and_instants_as_iso_when_they_come() -> None:
    row = drawn([{"d": date(2026, 3, 29), "t": datetime(2026, 3, 29, 1, tzinfo=UTC)}], {"d": "d", "t": "t"})[2]
    assert row.split() == ["2026-03-29", "2026-03-29T01:00:00Z"]
