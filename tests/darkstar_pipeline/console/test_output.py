import io
from datetime import UTC, date, datetime

from rich.console import Console

from darkstar_pipeline.config.tariffs.catalogue import companies_in
from darkstar_pipeline.console.output import cell, console, draw_table


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


def drawn_on_terminal(rows: list[dict[str, object]], columns: dict[str, str], width: int) -> list[str]:
    out = io.StringIO()
    draw_table(Console(file=out, width=width, highlight=False), rows, columns)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_draw_table_breaks_no_word_and_repeats_the_first_column_when_the_terminal_is_narrow() -> None:
    columns = {"policy": "policy", **{f"c{i}": f"discharged slots {i}" for i in range(9)}}
    lines = drawn_on_terminal([{"policy": "self_consumption", **{f"c{i}": i for i in range(9)}}], columns, 80)
    assert max(len(line) for line in lines) <= 80
    assert sum(line.startswith("self_consumption") for line in lines) == 3  # four columns beside it fit
    assert " ".join(lines).split().count("discharged") == 9
    assert [value for line in lines if line.startswith("self_") for value in line.split()[1:]] == list("012345678")


def test_draw_table_gives_the_room_to_the_cells_when_headings_can_wrap() -> None:
    rows: list[dict[str, object]] = [{"a": 1.0, "b": "covers 0.27 kWh of load at 0.24 EUR/kWh"}]
    lines = drawn_on_terminal(rows, {"a": "price of a slot [EUR/kWh]", "b": "why"}, 52)
    assert lines[-1].endswith("covers 0.27 kWh of load at 0.24 EUR/kWh")


def test_draw_table_breaks_a_word_only_when_it_is_longer_than_the_limit() -> None:
    lines = drawn_on_terminal([{"a": "sensor." + "x" * 90, "b": 1}], {"a": "entity", "b": "n"}, 60)
    assert max(len(line) for line in lines) <= 60
    assert "".join(line.split()[0] for line in lines[2:]) == "sensor." + "x" * 90


def test_draw_table_breaks_no_id_of_a_grid_company() -> None:
    ids = [company.id for company in companies_in(None)]
    columns = {"id": "--grid-company", **dict.fromkeys("abcdef", "a heading")}
    rows: list[dict[str, object]] = [{"id": each, **dict.fromkeys("abcdef", "2026-01-01")} for each in ids]
    assert set(ids) <= {word for line in drawn_on_terminal(rows, columns, 80) for word in line.split()}


def test_true_and_false_are_told_in_words() -> None:
    assert [cell(value) for value in (True, False, 1)] == ["yes", "no", "1"]


def test_instants_are_shown_by_the_home_s_clock_where_it_is_known() -> None:
    second_hour = datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert cell(second_hour, timezone="Europe/Stockholm") == "2026-10-25 02:15+01:00"
    assert cell(second_hour) == "2026-10-25T01:15:00Z"


def test_draw_table_keeps_a_path_whole_when_it_fits_beside_the_first_column() -> None:
    path = "/home/anna/.darkstar/mlflow/mlflow.db"
    lines = drawn_on_terminal(
        [{"a": "mlflow", "b": f"not there: {path}", "c": "run darkstar ui"}], dict.fromkeys("abc", "x"), 80
    )
    assert any(path in line for line in lines)
    assert max(len(line) for line in lines) <= 80
