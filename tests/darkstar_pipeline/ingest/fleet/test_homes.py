"""Homes imported from a file: all of it or nothing, wrong cells with row and column, and changes told."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkstar_pipeline.config.fleet.columns import HOMES_SCHEMA
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.errors import ConfigurationError, DataRefusedError
from darkstar_pipeline.fleet.homes_file import homes_path, read_homes
from darkstar_pipeline.ingest.fleet.homes import HomesImport, import_homes

FLEET = Settings.model_validate(
    {
        "sites": {"own": {}},
        "fleet": {"defaults": {"area": "SE3"}, "tariffs": {"villa": [{"transfer_fee": 0.3}]}},
    }
)


def imported(folder: Path, text: str, *, remove_missing: bool = False, dry_run: bool = False) -> HomesImport:
    """The import of a CSV with this content."""
    file = folder / "homes.csv"
    file.write_text(text)
    return import_homes(
        FLEET, folder / "state", file, quarantine=folder / "q", remove_missing=remove_missing, dry_run=dry_run
    )


TWO = "site,tenant,capacity_kwh,tariff,has_pv\na,anna,10,villa,true\nb,,,,\n"


def test_empty_cells_are_the_fleets_defaults_and_numbers_are_read(tmp_path: Path) -> None:
    result = imported(tmp_path, TWO)
    rows = read_homes(tmp_path / "state")
    assert result.added == ["a", "b"]
    assert rows.schema == HOMES_SCHEMA
    assert rows.row(0, named=True) | {"capacity_kwh": 10.0, "has_pv": True} == rows.row(0, named=True)
    assert rows["tenant"].to_list() == ["anna", "default"]
    assert rows.drop("site", "tenant").row(1) == (None,) * (len(HOMES_SCHEMA) - 2)


def test_import_again_writes_nothing(tmp_path: Path) -> None:
    imported(tmp_path, TWO)
    before = homes_path(tmp_path / "state").stat().st_mtime_ns
    result = imported(tmp_path, TWO)
    assert (result.added, result.changed, result.unchanged) == ([], [], 2)
    assert homes_path(tmp_path / "state").stat().st_mtime_ns == before


def test_column_that_the_file_does_not_have_stays_and_an_empty_cell_does_not(tmp_path: Path) -> None:
    imported(tmp_path, TWO)
    result = imported(tmp_path, "site,tariff,import_kw\na,,17\nc,,\n")
    kept = read_homes(tmp_path / "state").row(0, named=True)
    assert (kept["capacity_kwh"], kept["tenant"], kept["tariff"], kept["import_kw"]) == (10.0, "anna", None, 17.0)
    assert result.changed == ["a"]
    assert result.columns == {"tariff": 1, "import_kw": 1}
    assert (result.added, result.missing, result.total) == (["c"], ["b"], 3)


def test_homes_are_removed_only_when_that_is_asked_for(tmp_path: Path) -> None:
    imported(tmp_path, TWO)
    assert imported(tmp_path, "site\na\n").removed is False
    assert read_homes(tmp_path / "state").height == 2
    assert imported(tmp_path, "site\na\n", remove_missing=True).missing == ["b"]
    assert read_homes(tmp_path / "state")["site"].to_list() == ["a"]


def test_dry_run_tells_the_same_and_changes_nothing(tmp_path: Path) -> None:
    told = imported(tmp_path, TWO, dry_run=True)
    assert read_homes(tmp_path / "state").is_empty()
    assert told == imported(tmp_path, TWO)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site,capacity_kwh\na,abc\n", "row 1, capacity_kwh: 'abc' is no number (nominal capacity [kWh])"),
        ("site,capacity_kwh\na,0.01\n", "row 1, capacity_kwh: 0.01 is below 0.05, the least that it may be"),
        ("site,capacity_kwh\na,nan\n", "row 1, capacity_kwh: 'nan' is no number"),
        ("site,has_pv\na,perhaps\n", "row 1, has_pv: 'perhaps' is neither true nor false"),
        ("site,first_day\na,1.1.2025\n", "row 1, first_day: '1.1.2025' is no day: write it as 2026-01-31"),
        ("site,tariff\na,\nb,vila\n", "row 2, tariff: 'vila' is not under fleet.tariffs of darkstar.yaml: there are"),
        ("site,area\na,SE9\n", "row 1, area: the timezone and the currency of price area 'SE9' are not known"),
        ("site,min_soc_percent\na,0.1\n", "row 1, min_soc_percent: min_soc_percent 0.1 looks like a share"),
        ("site\na\na\n", "row 2, site: 'a' stands in row 1 already"),
        ("site\nown\n", "row 1, site: 'own' is a home under sites of darkstar.yaml"),
        ("site,area\n,SE3\n", "row 1, site: is missing"),
        ("site\na b\n", "row 1, site: 'a b' is no name of a home"),
        ("site,latitude\na,59\n", "row 1, forecast: a place needs both latitude and longitude"),
        ("site,latitude,longitude\na,95,18\n", "row 1, latitude: 95.0 is above 90"),
        ("site,latitude,longitude\na,59,-120\n", "row 1, longitude: forecast.longitude -120 is not in the time zone"),
        ("site,charge_kw\na,500\nb,2000\nc,2000\n", "(and one more row alike)"),
        ("name\na\n", "has no column site; it has name"),
        ("site,capcity_kwh\na,3\n", "column capcity_kwh is not known"),
        ("site,capacity_kwh,battery.capacity_kwh\na,3,4\n", "capacity_kwh in two columns"),
    ],
)
def test_wrong_cell_is_refused_with_row_and_column_and_nothing_is_imported(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(DataRefusedError) as refused:
        imported(tmp_path, text)
    assert said in refused.value.message
    assert read_homes(tmp_path / "state").is_empty()


def test_all_faults_are_told_at_once_and_listed_in_a_file(tmp_path: Path) -> None:
    rows = "".join(f"h{number},x{number},y\n" for number in range(40))
    with pytest.raises(DataRefusedError) as refused:
        imported(tmp_path, f"site,capacity_kwh,import_kw\n{rows}")
    assert "row 1, capacity_kwh" in refused.value.message
    assert "row 1, import_kw" in refused.value.message
    assert "and 72 more" in refused.value.message
    listed = pl.read_csv(next((tmp_path / "q").iterdir()))
    assert listed.height == 80
    assert listed["quantity"].unique().sort().to_list() == ["capacity_kwh", "import_kw"]


def test_doubts_are_told_with_the_number_of_homes(tmp_path: Path) -> None:
    result = imported(tmp_path, "site,area,panels_kw,note\na,se3,300,x\nb,se3,5,x\n")
    assert "area se3 is usually written SE3 (2 homes)" in result.notes
    assert "homes.csv: columns not used: note" in result.notes


def test_fleet_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "homes.csv"
    file.write_text(TWO)
    with pytest.raises(ConfigurationError, match="has no fleet"):
        import_homes(Settings(), tmp_path, file, quarantine=tmp_path / "q")


CELLS = st.fixed_dictionaries(
    {
        "capacity_kwh": st.none() | st.floats(1, 40),
        "charge_kw": st.none() | st.floats(1, 12),
        "import_kw": st.none() | st.floats(1, 40),
        "has_pv": st.none() | st.booleans(),
        "tariff": st.sampled_from([None, "villa"]),
    }
)


@settings(max_examples=8, deadline=None)
@given(cells=st.lists(CELLS, min_size=1, max_size=6))
def test_parquet_and_csv_give_the_same_homes(
    cells: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("both")
    schema = {name: HOMES_SCHEMA[name] for name in ("site", *cells[0])}
    frame = pl.DataFrame([{"site": f"h{number}", **each} for number, each in enumerate(cells)], schema=schema)
    frame.write_csv(folder / "a.csv")
    frame.write_parquet(folder / "b.parquet")
    for name in ("a.csv", "b.parquet"):
        import_homes(FLEET, folder / name[0], folder / name, quarantine=folder / "q")
    assert read_homes(folder / "a").equals(read_homes(folder / "b"))


@pytest.mark.parametrize("column", ["site", "tenant", "area", "capacity_kwh", "has_pv", "first_day", "tariff"])
def test_endless_cell_is_refused_in_few_words(tmp_path: Path, column: str) -> None:
    row = {"site": "a", column: "x" * 100_000}
    with pytest.raises(
        DataRefusedError, match=f"row 1, {column}: 'xxxxxxxxxxxxxxxxxxxxxxxx…' has 100000 characters"
    ) as told:
        imported(tmp_path, f"{','.join(row)}\n{','.join(row.values())}\n")
    assert len(told.value.message) < 300


def test_endless_names_of_columns_are_told_in_few_words(tmp_path: Path) -> None:
    (note,) = imported(tmp_path, f"site,{'x' * 100_000}\na,1\n").notes
    assert note == f"homes.csv: columns not used: {'x' * 24}…"
    with pytest.raises(DataRefusedError) as told:
        imported(tmp_path, f"{'x' * 100_000},{','.join(f'y{n}' for n in range(20))}\n{',' * 20}1\n")
    assert told.value.message.endswith("y10 and 9 more")
