from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from darkstar_pipeline.warehouse import query, views
from darkstar_pipeline.warehouse.lake import Lake, LakeUnreadableError
from darkstar_pipeline.warehouse.query import QueryError, QueryResult, run_query
from darkstar_pipeline.warehouse.schemas import PRICE_REPAIRS, TABLES

DAY = date(2026, 3, 29)
SLOT = datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with one repaired price."""
    lake = Lake(tmp_path / "lake's")
    row = {
        "site": "home",
        "slot_start": SLOT,
        "local_day": DAY,
        "raw_price": None,
        "repaired_price": -0.01,
        "method": "neighbours",
        "evidence": "gap",
        "repaired_at": SLOT,
    }
    lake.write_day(PRICE_REPAIRS, "home", DAY, pl.DataFrame([row], schema=PRICE_REPAIRS.schema))
    return lake


def rows(lake: Lake, sql: str) -> list[tuple[object, ...]]:
    with run_query(lake, sql) as result:
        return list(result.rows())


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_bit_that_flipped_is_told_before_a_row_is_read(lake: Lake) -> None:
    (file,) = lake.root.rglob("*.parquet")
    flipped = bytearray(file.read_bytes())
    flipped[len(flipped) // 3] ^= 1
    file.write_bytes(flipped)
    with pytest.raises(LakeUnreadableError, match=r"part\.parquet: its checksum"):
        rows(lake, "SELECT repaired_price FROM price_repairs")
    assert rows(lake, "SELECT count(*) FROM spot_prices") == [(0,)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT repaired_price FROM price_repairs", [(-0.01,)], id="select"),
        pytest.param("WITH a AS (FROM price_repairs) SELECT count(*) FROM a", [(1,)], id="with"),
        pytest.param("FROM price_repairs SELECT local_day, slot_start", [(DAY, SLOT)], id="from first"),
        pytest.param("VALUES (1), (2);", [(1,), (2,)], id="values, semicolon"),
        pytest.param("/* why */ SELECT 1 -- done", [(1,)], id="comments"),
        pytest.param("SELECT raw_price IS NULL FROM price_repairs", [(True,)], id="null stays null"),
        pytest.param(
            "SELECT ';COPY price_repairs TO ''x'''", [(";COPY price_repairs TO 'x'",)], id="text, no statement"
        ),
        pytest.param("SELECT import_limit_kw FROM policy_schedules", [], id="an optional column, without files"),
        pytest.param("SELECT count(*) FROM spot_prices", [(0,)], id="a table without files"),
    ],
)
def test_run_query_reads_when_it_is_one_select(lake: Lake, sql: str, expected: list[tuple[object, ...]]) -> None:
    assert rows(lake, sql) == expected


@pytest.mark.parametrize(
    "sql", ["DESCRIBE price_repairs", "SUMMARIZE price_repairs", "SHOW TABLES", "SHOW price_repairs"]
)
def test_run_query_explores_when_asked_what_is_there(lake: Lake, sql: str) -> None:
    assert rows(lake, sql)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("", id="nothing"),
        pytest.param("-- nothing", id="only a comment"),
        pytest.param("SELEC 1", id="no SQL"),
        pytest.param("SELECT * FROM nowhere", id="no such table"),
        pytest.param("SELECT 1; SELECT 2", id="two statements"),
        pytest.param("SELECT 1; COPY (SELECT 1) TO '{lake}/x.csv'", id="a second statement that writes"),
        pytest.param("COPY (SELECT 1) TO '{lake}/x.csv'", id="copy into the lake"),
        pytest.param("COPY (SELECT 1) TO '{outside}/x.csv'", id="copy elsewhere"),
        pytest.param("COPY price_repairs FROM '{outside}/secret.txt'", id="copy from"),
        pytest.param("WITH a AS (COPY (SELECT 1) TO '{lake}/x.csv') SELECT * FROM a", id="copy hidden in a with"),
        pytest.param("WITH a AS MATERIALIZED (COPY (SELECT 1) TO '{lake}/x.csv') FROM a", id="copy, materialized"),
        pytest.param("SELECT 1 FROM (WITH a AS (COPY (SELECT 1) TO '{lake}/x.csv') FROM a)", id="copy, deeper"),
        pytest.param("FROM query('COPY (SELECT 1) TO ''{lake}/x.csv''')", id="copy in a table function"),
        pytest.param("WITH a AS (DELETE FROM price_repairs) SELECT 1", id="delete hidden in a with"),
        pytest.param("EXPLAIN ANALYZE COPY (SELECT 1) TO '{lake}/x.csv'", id="copy behind explain"),
        pytest.param("EXPORT DATABASE '{lake}/out'", id="export"),
        pytest.param("IMPORT DATABASE '{outside}'", id="import"),
        pytest.param("ATTACH '{lake}/x.db' AS other", id="attach a file"),
        pytest.param("ATTACH ':memory:' AS other", id="attach memory"),
        pytest.param("INSTALL httpfs", id="install"),
        pytest.param("LOAD httpfs", id="load"),
        pytest.param("SET enable_external_access = true", id="set"),
        pytest.param("SET lock_configuration = false", id="unlock"),
        pytest.param("RESET allowed_directories", id="reset"),
        pytest.param("PRAGMA enable_profiling", id="pragma"),
        pytest.param("CALL pragma_version()", id="call"),
        pytest.param("CREATE TABLE a (b INT)", id="create"),
        pytest.param("DROP VIEW price_repairs", id="drop"),
        pytest.param("INSERT INTO price_repairs VALUES (1)", id="insert"),
        pytest.param("DELETE FROM price_repairs", id="delete"),
        pytest.param("UPDATE price_repairs SET method = 'x'", id="update"),
        pytest.param("PREPARE a AS SELECT 1", id="prepare"),
        pytest.param("BEGIN", id="transaction"),
        pytest.param("CHECKPOINT", id="checkpoint"),
        pytest.param("VACUUM", id="vacuum"),
        pytest.param("PIVOT price_repairs ON method USING count(*)", id="pivot makes a type first"),
        pytest.param("SELECT * FROM read_text('/etc/passwd')", id="read a system file"),
        pytest.param("SELECT * FROM read_csv('{outside}/secret.txt')", id="read a file beside the lake"),
        pytest.param("SELECT * FROM '{outside}/secret.csv'", id="a file as a table"),
        pytest.param("SELECT * FROM read_text('{lake}/../secret.txt')", id="climb out of the lake"),
        pytest.param("SELECT * FROM read_text('{lake}/link.txt')", id="follow a link out of the lake"),
        pytest.param("SELECT * FROM read_text('{lake}2/secret.txt')", id="a folder with a longer name"),
        pytest.param("SELECT * FROM glob('/etc/*')", id="list a folder"),
        pytest.param("SELECT * FROM read_json('http://127.0.0.1:9/x')", id="fetch"),
        pytest.param("SELECT * FROM secret_frame", id="a variable of this process"),
        pytest.param("SELECT getenv('HOME')", id="the environment"),
        pytest.param("SELECT CAST('a' AS INTEGER)", id="a value that cannot be"),
        pytest.param("SELECT error('x') FROM range(30000)", id="an error while reading"),
        pytest.param("SELECT ?", id="a parameter"),
    ],
)
def test_run_query_refuses_and_writes_nothing_when_it_is_anything_else(lake: Lake, sql: str) -> None:
    outside = lake.root.parent
    (outside / "secret.txt").write_text("a\nsecret\n")
    (outside / "secret.csv").write_text("a\nsecret\n")
    (outside / "lake's2").mkdir()
    (outside / "lake's2" / "secret.txt").write_text("secret")
    (lake.root / "link.txt").symlink_to(outside / "secret.txt")
    secret_frame = pl.DataFrame({"a": ["secret"]})
    before = files(outside)
    text = sql.replace("{lake}", str(lake.root).replace("'", "''")).replace("{outside}", str(outside))
    with pytest.raises(QueryError) as caught:
        rows(lake, text)
    assert secret_frame.height == 1
    assert files(outside) == before
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_every_column_of_a_table_can_be_written_without_quotes(lake: Lake) -> None:
    quoted = rows(lake, "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")
    words = {str(word) for (word,) in quoted}
    assert {"to", "at"} <= words
    found = {
        f"{table.name}.{column.name}"
        for table in TABLES.values()
        for column in table.every_column
        if column.name in words
    }
    assert found == set(), "the tables' views name them without quotes, and so do people"


def test_columns_are_told_apart_when_names_repeat(lake: Lake) -> None:
    with run_query(lake, "SELECT 1 AS a, 2 AS a, 3 AS a_1") as result:
        assert [column.name for column in result.columns] == ["a", "a_1", "a_1_1"]
        assert [column.type for column in result.columns] == ["INTEGER"] * 3


def test_rows_come_in_order_and_in_batches_when_there_are_many(lake: Lake) -> None:
    with run_query(lake, "SELECT range AS a FROM range(25000) ORDER BY a DESC") as result:
        sizes = [len(batch) for batch in result.batches()]
    assert sizes == [10_000, 10_000, 5_000]
    assert rows(lake, "SELECT range AS a FROM range(25000) ORDER BY a DESC")[0] == (24_999,)


def test_write_parquet_keeps_types_when_names_repeat(lake: Lake, tmp_path: Path) -> None:
    def write(result: QueryResult) -> int:
        return result.write_parquet(tmp_path / "out.parquet")

    with run_query(lake, "SELECT slot_start, local_day, repaired_price AS a, 1 AS a FROM price_repairs") as result:
        assert write(result) == 1
    frame = pl.read_parquet(tmp_path / "out.parquet")
    assert frame.columns == ["slot_start", "local_day", "a", "a_1"]
    assert frame.row(0) == (SLOT, DAY, -0.01, 1)


def test_run_query_names_the_file_when_the_lake_is_damaged(lake: Lake) -> None:
    path = lake.path(PRICE_REPAIRS, "home", DAY)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(LakeUnreadableError, match="cannot be read") as caught:
        rows(lake, "SELECT 1")
    assert str(path) in caught.value.message
    assert "doctor" in caught.value.hint


def test_spilling_is_off_when_a_query_is_large(lake: Lake) -> None:
    assert rows(lake, "SELECT current_setting('temp_directory')") == [("",)]


def test_query_over_more_files_than_a_process_may_open_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse() -> int:
        asked.append(1)
        return 64

    def fail(*_: object) -> None:
        raise duckdb.IOException("IO Error: Cannot open file part.parquet: Too many open files")

    monkeypatch.setattr(query, "raise_descriptor_limit", refuse)
    monkeypatch.setattr(query, "_check_reads_only", fail)
    with (
        pytest.raises(QueryError, match="more files at once than this process may open \\(64\\)"),
        run_query(lake, "SELECT 1"),
    ):
        pass


def test_query_that_needs_too_much_memory_is_refused_with_a_remedy(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MEMORY", "64MiB")
    sql = "SELECT count(DISTINCT a.range + 100000 * b.range) FROM range(100000) a, range(100) b"
    with pytest.raises(QueryError, match="of memory") as refused, run_query(lake, sql) as result:
        list(result.rows())
    assert "fewer days" in refused.value.hint
