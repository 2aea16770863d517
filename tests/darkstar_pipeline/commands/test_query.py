import csv
import io
import json
import os
from pathlib import Path

import polars as pl
import pytest

from tests.builders.command_line import Darkstar

pytestmark = pytest.mark.usefixtures("in_sample")
ROW = (
    "SELECT TIMESTAMPTZ '2026-03-29 03:00+02' AS t, DATE '2026-03-29' AS d, "
    "'nan'::DOUBLE AS n, [1, NULL] AS l, true AS b"
)


def test_query_gives_columns_and_rows_when_a_script_asks(darkstar: Darkstar) -> None:
    done = darkstar("query", ROW, "--json")
    assert (done.code, done.err) == (0, "")
    assert done.document == {
        "columns": [
            {"name": "t", "type": "TIMESTAMP WITH TIME ZONE"},
            {"name": "d", "type": "DATE"},
            {"name": "n", "type": "DOUBLE"},
            {"name": "l", "type": "INTEGER[]"},
            {"name": "b", "type": "BOOLEAN"},
        ],
        "rows": [{"t": "2026-03-29T01:00:00Z", "d": "2026-03-29", "n": None, "l": [1, None], "b": True}],
    }


def test_query_gives_plain_rows_when_the_format_is_json(darkstar: Darkstar) -> None:
    done = darkstar("query", "FROM range(3)", "--format", "json")
    assert done.document == [{"range": 0}, {"range": 1}, {"range": 2}]
    assert darkstar("query", "SELECT 1 WHERE false", "--format", "json").document == []


def test_query_gives_csv_when_asked(darkstar: Darkstar) -> None:
    done = darkstar("query", ROW, "--format", "csv")
    assert list(csv.DictReader(io.StringIO(done.out))) == [
        {"t": "2026-03-29T01:00:00Z", "d": "2026-03-29", "n": "", "l": "[1, null]", "b": "true"}
    ]


def test_query_sees_every_table_when_the_lake_is_there(darkstar: Darkstar) -> None:
    sql = "SELECT local_day, count(*) AS slots FROM slot_observations GROUP BY ALL ORDER BY ALL"
    expected = [("2024-03-04", 96), ("2024-03-05", 96), ("2024-03-31", 92)]
    assert [(row["local_day"], row["slots"]) for row in darkstar("query", sql, "--json").document["rows"]] == expected
    assert "policy_daily_results" in darkstar("query", "SHOW TABLES").out


def test_query_works_when_nothing_is_configured_yet(darkstar: Darkstar, home: Path) -> None:
    assert home.is_dir()
    done = darkstar("query", "SELECT count(*) AS n FROM spot_prices", "--json")
    assert done.document["rows"] == [{"n": 0}]


def test_query_says_so_when_a_table_is_cut(darkstar: Darkstar) -> None:
    done = darkstar("query", "FROM range(1001)")
    assert "only the first 1000 rows are shown" in done.out
    assert "1000" not in darkstar("query", "FROM range(1000)").out


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_query_writes_a_file_when_asked(darkstar: Darkstar, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows.{suffix}"
    done = darkstar("query", "SELECT range AS a, 0.5 AS a FROM range(25000)", "--out", str(path), "--json")
    assert done.code == 0
    assert (done.document["file"], done.document["rows"]) == (str(path), 25_000)
    readers = {"csv": pl.read_csv, "json": pl.read_json, "parquet": pl.read_parquet}
    frame = readers[suffix](path)
    assert frame.columns == ["a", "a_1"]
    assert frame["a"].sum() == sum(range(25_000))


def test_query_leaves_the_old_file_when_a_row_cannot_be_computed(darkstar: Darkstar, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")
    sql = "SELECT CASE WHEN range < 20000 THEN 1 ELSE CAST('x' AS INT) END FROM range(30000)"
    done = darkstar("query", sql, "--out", str(path), "--json")
    assert (done.code, done.error["code"]) == (2, "query")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["rows.csv"]


def test_query_prints_no_half_document_when_a_row_cannot_be_computed(darkstar: Darkstar) -> None:
    done = darkstar("query", "SELECT error('row ' || range) FROM range(30000)", "--json")
    assert done.code == 2
    assert json.loads(done.out)["error"]["code"] == "query"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("COPY (SELECT 1) TO 'x.csv'",), "query", id="writes"),
        pytest.param(("SELEC 1",), "query", id="no SQL"),
        pytest.param(("SELECT 1; SELECT 2",), "query", id="two statements"),
        pytest.param(("SELECT 1", "--format", "parquet"), "usage", id="parquet without a file"),
        pytest.param(("SELECT 1", "--format", "xml"), "usage", id="unknown format"),
        pytest.param(("SELECT 1", "--out", "x.txt"), "usage", id="file without a format"),
        pytest.param(("SELECT 1", "--out", "x.csv", "--format", "table"), "usage", id="table into a file"),
        pytest.param(("SELECT 1", "--out", "no/such/x.csv"), "configuration", id="no such folder"),
        pytest.param((), "usage", id="no SQL at all"),
    ],
)
def test_query_ends_with_two_when_called_wrongly(
    darkstar: Darkstar, in_sample: Path, words: tuple[str, ...], code: str
) -> None:
    done = darkstar("query", *words, "--json")
    assert (done.code, done.error["code"]) == (2, code)
    assert "\n" not in done.error["message"]
    assert not (in_sample / "x.csv").exists()


def test_query_refuses_to_write_into_the_state_folder(darkstar: Darkstar) -> None:
    target = Path(os.environ["DARKSTAR_HOME"]) / "lake" / "raw_spot_prices" / "planted.csv"
    done = darkstar("query", "SELECT 1 AS a", "--out", str(target), "--json")
    assert (done.code, done.error["code"]) == (2, "usage")
    assert not target.exists()
