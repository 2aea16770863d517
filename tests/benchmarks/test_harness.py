import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from benchmarks.__main__ import main
from benchmarks.harness import registry
from benchmarks.harness.registry import BENCHMARKS, Benchmark
from benchmarks.harness.results import Row, Scope, table
from benchmarks.homes import choice
from benchmarks.homes.choice import Data, chosen_homes
from benchmarks.homes.measured import MeasuredHomes
from benchmarks.homes.shipped import ShippedHomes
from darkstar_pipeline.errors import ConfigurationError, DataMissingError

ROWS = [
    Row("ratio", 12.5, "x", target=">= 12", met=True),
    Row("lost", 3, "slots", target="0", met=False),
    Row("share", 0.5, target=">= 0.9", met=False, applies="measured"),
    Row("year", 40.0, "s", target="<= 60", met=True, applies="whole"),
    Row("seed", 7),
]
NAMED_IN_CLI = {"spine", "oracle_speed", "trondheim", "environment", "learning", "service", "faults"}


@pytest.fixture
def toy(monkeypatch):
    """One benchmark, whose rows are fixed."""
    entry = Benchmark(module="benchmarks.toy", measures="nothing", short_seconds=1, seconds=90, needs="a toy")
    monkeypatch.setattr(registry, "BENCHMARKS", {"toy": entry})
    monkeypatch.setattr(
        registry.importlib, "import_module", lambda _: type("Toy", (), {"run": staticmethod(lambda _: ROWS)})
    )


@pytest.mark.usefixtures("toy")
def test_the_answer_is_one_document_when_json_is_wanted(capsys):
    assert main(["toy", "--json", "--data", "shipped"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"benchmark", "date", "cores", "data", "homes", "short", "rows"}
    assert (answer["benchmark"], answer["data"], answer["short"]) == ("toy", "shipped", False)
    assert answer["date"] == datetime.now(UTC).date().isoformat()
    assert answer["rows"][0] == {"figure": "ratio", "value": 12.5, "unit": "x", "target": ">= 12", "met": True}
    assert answer["rows"][-1] == {"figure": "seed", "value": 7, "unit": "", "target": None, "met": None}


@pytest.mark.usefixtures("toy")
def test_the_answer_is_a_table_with_its_homes_when_a_person_reads_it(capsys):
    assert main(["toy", "--data", "shipped"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("ratio", "12.5", ">= 12", "yes", "NO", "homes that ship"))


def test_cases_show_what_was_published_when_a_terminal_is_narrow():
    details = {"published": 2.0, "difference": -0.5, "verified": True, "unknown_future": 1.75, "faults": ""}
    rows = [Row("a_home_with_a_name_longer_than_thirty", 1.5, "", "<= published", met=True, details=details)]
    console = Console(width=80)
    with console.capture() as captured:
        console.print(table("arena", [*rows, Row("missed", 0)], Scope(ShippedHomes())))
    shown = captured.get()
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert all(word in shown for word in ("published", "difference", "verified", "met", "-0.5", "1.75"))
    assert shown.count("yes") == 2


@pytest.mark.parametrize(
    ("homes", "short", "targets"),
    [
        (MeasuredHomes(), False, {"ratio", "lost", "share", "year"}),
        (MeasuredHomes(), True, {"ratio", "lost"}),
        (ShippedHomes(), False, {"ratio", "lost", "year"}),
        (ShippedHomes(), True, {"ratio", "lost"}),
    ],
)
@pytest.mark.usefixtures("toy")
def test_targets_are_left_out_when_they_do_not_apply(homes, short, targets):
    rows = registry.run("toy", Scope(homes, short=short))
    assert [row.figure for row in rows] == [row.figure for row in ROWS]
    assert {row.figure for row in rows if row.target is not None} == targets
    assert all((row.target is None) == (row.met is None) for row in rows)


def test_every_module_on_top_is_described_when_benchmarks_are_listed(capsys, root):
    assert main(["--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    on_top = [
        path
        for folder in ("", "robustness", "household")
        for path in (root / "benchmarks" / folder).glob("*.py")
        if path.stem[0] != "_"
    ] + [
        root / "benchmarks" / name
        for name in (
            "arena/arena.py",
            "cluster/engines.py",
            "cluster/fleet.py",
            "corrections/pooled.py",
            "cluster/fleet_cluster.py",
            "fleet_graph/fleet_dagster.py",
            "fleet_lake/fleet_lake.py",
            "recorded_home/home_assistant.py",
            "fortnight/fortnight.py",
            "served_fleet/fleet_service.py",
            "simulated_inverters/inverters.py",
        )
    ]
    assert {entry["module"] for entry in listed} == {
        ".".join(path.relative_to(root).with_suffix("").parts) for path in on_top
    }
    assert {entry["name"] for entry in listed} == {path.stem for path in on_top} >= NAMED_IN_CLI
    assert all("def run(scope: Scope) -> list[Row]:" in path.read_text() for path in on_top)
    for entry in listed:
        assert entry["measures"] == entry["measures"].strip().rstrip(".")
        assert 0 < entry["short_seconds"] <= 120, entry["name"]
        assert entry["short_seconds"] <= entry["seconds"]


def test_the_list_fits_a_narrow_terminal_when_a_person_reads_it(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert all(name in shown for name in BENCHMARKS)


@pytest.mark.parametrize("arguments", [["no_such"], []], ids=["unknown", "none"])
def test_the_names_are_listed_when_none_or_an_unknown_one_is_given(arguments, capsys):
    assert main(arguments) == 2
    assert "price_repair" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "configuration"


def test_shipped_homes_are_chosen_when_no_measured_ones_lie_beside_the_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(choice, "SHARED", tmp_path)
    assert isinstance(chosen_homes(), MeasuredHomes)
    monkeypatch.setattr(choice, "SHARED", tmp_path / "none")
    assert isinstance(chosen_homes(), ShippedHomes)
    assert isinstance(chosen_homes(Data.MEASURED), MeasuredHomes)
    assert isinstance(chosen_homes(Data.SHIPPED), ShippedHomes)


def test_the_remedy_and_its_exit_code_are_given_when_measured_data_is_missing(monkeypatch, capsys):
    def missing(*_):
        raise DataMissingError("prices are not there", "use --data shipped")

    monkeypatch.setattr(registry, "run", missing)
    assert main(["price_repair"]) == 3
    assert capsys.readouterr().err == "prices are not there; use --data shipped\n"


@pytest.mark.usefixtures("toy")
def test_a_package_is_named_when_a_benchmark_lacks_it(monkeypatch):
    def absent(_):
        message = "No module named 'pulp'"
        raise ModuleNotFoundError(message, name="pulp")

    monkeypatch.setattr(registry.importlib, "import_module", absent)
    with pytest.raises(ConfigurationError, match="pulp"):
        registry.run("toy", Scope(ShippedHomes()))
