"""`darkstar whatif …`: two cases side by side, marks of relaxed economics, pictures, and wrong input."""

from pathlib import Path

import polars as pl
import pytest

from darkstar_pipeline.commands.whatif.options import parse_added_load
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES
from tests.builders.command_line import Darkstar
from tests.builders.graded_home import graded_context
from tests.builders.small_home import small_context
from tests.builders.state_hash import state_hash

PNG = b"\x89PNG"
SPAN = ("--from", "2025-10-25", "--to", "2025-10-26")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The graded fortnight, configured."""
    (tmp_path / "darkstar.yaml").write_text("sites: {home: {first_day: 2025-01-01}}")
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "darkstar.yaml"))
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "state"))
    graded_context(tmp_path / "state")
    return tmp_path / "state"


def test_commands_answer_in_words_and_write_nothing_but_the_picture(
    darkstar: Darkstar, state: Path, tmp_path: Path
) -> None:
    darkstar("quality", *SPAN)  # whatever opening a state folder leaves
    before = state_hash(state)
    replayed = darkstar("whatif", "replay", *SPAN, "--policies", "self_consumption", "--no-wear", "--pv-scale", "2")
    assert replayed.code == 0
    assert "RELAXED ECONOMICS, not the home's own: wear 0" in replayed.out
    assert "pv_scale: 1.0 → 2" in replayed.out
    assert "at the home's own economics" in replayed.out
    sold, picture = darkstar("whatif", "export", "--day", "2025-10-26", "--sell", "1,2"), tmp_path / "sizes.png"
    assert (sold.code, "net is against it" in sold.out) == (0, True)
    sized = darkstar(
        "whatif",
        "sizing",
        *SPAN,
        "--capacity",
        "5",
        "--power",
        "3",
        "--policy",
        "self_consumption",
        "--pv-scale",
        "1,2",
        "--cost-per-kwh",
        "300",
        "--out",
        str(picture),
    )
    assert sized.code == 0, sized.err
    assert "--per-year scales them" in sized.err
    assert "further panels are counted as free" in sized.err
    assert picture.read_bytes().startswith(PNG)
    assert state_hash(state) == before


def test_documents_have_both_cases_and_their_slots(darkstar: Darkstar, state: Path) -> None:
    del state
    planned = darkstar("whatif", "plan", "--day", "2025-10-25", "--set", "battery.charge_kw=2", "--json").document
    assert planned["changes"] == [{"setting": "battery.charge_kw", "before": 8.0, "after": 2.0}]
    assert (planned["economics"], planned["basis"]) == ("own", "plan")
    assert len(planned["plans"]["site"]["slots"]) == len(planned["plans"]["changed"]["slots"]) == 96
    figures = planned["figures"]
    assert figures["difference"]["cost"] == pytest.approx(figures["changed"]["cost"] - figures["site"]["cost"])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("replay", *SPAN, "--set", "battery.capacty_kwh=15"), 2, "did you mean capacity_kwh?"),
        (("replay", *SPAN, "--set", "15"), 2, "KEY=VALUE"),
        (("replay", *SPAN, "--add-load", "3@25"), 2, "KW@FROM-TO"),
        (("replay", *SPAN, "--area", "SE4"), 3, "--prices FILE"),
        (("replay", *SPAN, "--policies", "nonsense"), 2, "nonsense"),
        (("plan", "--policy", "oracle"), 2, "give --day"),
        (("sizing", "--load", "year.csv"), 2, "--area SE3"),
        (("sizing", *SPAN, "--capacity", "five"), 2, "no list of numbers"),
        (("sizing", *SPAN, "--pv-scale", "1,-1"), 2, "--pv-scale '1,-1' is no list of numbers of at least 0"),
        (("export", "--day", "2025-10-26", "--sell", "5,nan"), 2, "--sell '5,nan' is no list of numbers"),
        (("export", "--day", "2025-10-26", "--export-price-min", "nan"), 2, "--export-price-min nan is no number"),
        (("plan", "--load-scale", "inf"), 2, "--load-scale inf is no number"),
        (("plan", "--day", "2025-10-26", "--at", "2025-10-25T12:00"), 2, "give one of them"),
        (("plan", "--set", "battery.capacity_kwh"), 2, "--set battery.capacity_kwh=15"),
        (("export", "--day", "2025-10-26", "--out", "picture.jpg"), 2, "end it in .png"),
    ],
)
def test_wrong_input_is_refused_with_the_remedy(
    darkstar: Darkstar, state: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    del state
    outcome = darkstar("whatif", *words)
    assert outcome.code == code
    assert message in outcome.err


def test_sizing_needs_no_site_when_a_file_and_prices_are_given(
    darkstar: Darkstar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = small_context(tmp_path / "other").lake
    lake.read(METER_READINGS, "home").select("slot_start", "load_kwh", "pv_kwh").write_parquet(
        tmp_path / "load.parquet"
    )
    lake.read(RAW_SPOT_PRICES, "home").select("slot_start", "price").write_parquet(tmp_path / "prices.parquet")
    monkeypatch.setenv("DARKSTAR_CONFIG", str(tmp_path / "none.yaml"))
    monkeypatch.setenv("DARKSTAR_HOME", str(tmp_path / "none"))
    files = ("--load", str(tmp_path / "load.parquet"), "--prices", str(tmp_path / "prices.parquet"))
    sized = darkstar(
        "whatif", "sizing", *files, "--area", "SE3", "--capacity", "10", "--power", "5", "--per-year", "--json"
    )
    assert sized.code == 0, sized.err
    assert sized.document["sizes"][0]["yearly_bill_saving"] > 0
    assert not (tmp_path / "none").exists()
    assert pl.read_parquet(tmp_path / "load.parquet").height > 0


def test_added_loads_are_read_as_they_are_written() -> None:
    load = parse_added_load("3.5@22:00-04:15")
    assert (load.kw, load.start_minute, load.end_minute) == (3.5, 1320, 255)
    with pytest.raises(UsageError):
        parse_added_load("3.5 22:00")
