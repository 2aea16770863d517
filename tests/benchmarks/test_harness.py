import json
from datetime import UTC, date, datetime

import pytest

from benchmarks.__main__ import main
from benchmarks.harness import results as harness
from benchmarks.harness.results import Row
from darkstar_pipeline.errors import ConfigurationError, DataMissingError

ROWS = [
    Row("ratio", 12.5, "x", target=">= 12", met=True),
    Row("lost", 3, "slots", target="0", met=False),
    Row("seed", 7),
]


@pytest.fixture
def one_benchmark(tmp_path, monkeypatch):
    """A folder with one benchmark, a module that is none, and the harness."""
    (tmp_path / "toy.py").write_text("def run():\n    return []\n")
    (tmp_path / "measured_homes.py").write_text("def read():\n    return 1\n")
    monkeypatch.setattr(harness, "FOLDER", tmp_path)
    monkeypatch.setattr(
        harness.importlib, "import_module", lambda _: type("Toy", (), {"run": staticmethod(lambda: ROWS)})
    )


@pytest.mark.usefixtures("one_benchmark")
def test_benchmarks_are_found_by_file_when_they_define_run():
    assert harness.names() == ["toy"]


def test_price_repair_is_among_the_benchmarks_when_they_are_listed(capsys):
    assert main(["--list"]) == 0
    assert "price_repair" in capsys.readouterr().out.split()


@pytest.mark.usefixtures("one_benchmark")
def test_the_answer_is_one_document_when_json_is_asked_for(capsys):
    assert main(["toy", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert set(answer) == {"benchmark", "date", "cores", "rows"}
    assert answer["benchmark"] == "toy"
    assert answer["date"] == datetime.now(UTC).date().isoformat()
    assert date.fromisoformat(answer["date"])
    assert answer["rows"][0] == {"figure": "ratio", "value": 12.5, "unit": "x", "target": ">= 12", "met": True}
    assert answer["rows"][2] == {"figure": "seed", "value": 7, "unit": "", "target": None, "met": None}


@pytest.mark.usefixtures("one_benchmark")
def test_the_answer_is_a_table_when_a_person_asks(capsys):
    assert main(["toy"]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("ratio", "12.5", ">= 12", "yes", "NO"))


@pytest.mark.parametrize("arguments", [["no_such"], []], ids=["unknown", "none"])
def test_a_benchmark_is_asked_for_when_none_or_an_unknown_one_is_named(arguments, capsys):
    assert main(arguments) == 2
    assert "price_repair" in capsys.readouterr().err
    assert main([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "configuration"


def test_absent_data_is_told_with_its_exit_code_when_a_benchmark_needs_it(monkeypatch, capsys):
    def missing(_):
        raise DataMissingError("prices are not there", "put them beside the checkout")

    monkeypatch.setattr(harness, "run", missing)
    assert main(["price_repair"]) == 3
    assert capsys.readouterr().err == "prices are not there; put them beside the checkout\n"


@pytest.mark.usefixtures("one_benchmark")
def test_a_package_is_named_when_a_benchmark_lacks_it(monkeypatch):
    def absent(_):
        message = "No module named 'pulp'"
        raise ModuleNotFoundError(message, name="pulp")

    monkeypatch.setattr(harness.importlib, "import_module", absent)
    with pytest.raises(ConfigurationError, match="pulp"):
        harness.run("toy")
