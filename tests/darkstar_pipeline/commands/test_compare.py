import pytest

from darkstar_pipeline.commands.compare import policy_reference
from tests.builders.command_line import Darkstar

pytestmark = pytest.mark.usefixtures("in_sample")
RANGE = ("--from", "2024-03-04", "--to", "2024-03-31")


def test_compare_tells_two_policies_in_money(darkstar: Darkstar) -> None:
    done = darkstar("compare", "mpc", "idle", *RANGE, "--json")
    assert done.code == 0
    comparison = done.document
    costs = darkstar("evaluate", *RANGE, "--policies", "mpc,idle", "--json").document["totals"]
    assert (comparison["a"], comparison["b"], comparison["days"]) == ("mpc", "idle", 2)
    assert [comparison["cost_a"], comparison["cost_b"]] == pytest.approx([row["cost"] for row in costs])
    assert comparison["difference"] == pytest.approx(comparison["cost_b"] - comparison["cost_a"])
    assert comparison["difference"] > 0
    assert comparison["difference_low"] <= comparison["difference"] <= comparison["difference_high"]
    assert (comparison["first"], comparison["last"]) == ("2024-03-04", "2024-03-31")
    assert [(row["month"], row["days"]) for row in comparison["months"]] == [("2024-03-01", 2)]
    assert {row["day"] for row in comparison["biggest_days"]} == {"2024-03-04", "2024-03-31"}
    assert (comparison["breaches_a"], comparison["breaches_b"], comparison["learned_from"]) == (0, 0, {})
    assert comparison["gate"]["promote"] is False
    assert "too few test days: 2" in comparison["gate"]["reasons"][0]


def test_compare_takes_the_last_days_when_none_are_named(darkstar: Darkstar) -> None:
    assert darkstar("compare", "value", "mpc", "--json").document["days"] == 2


def test_compare_draws_the_verdict_when_a_person_asks(darkstar: Darkstar) -> None:
    done = darkstar("compare", "idle", "mpc", *RANGE)
    assert done.code == 0
    first, second, *_ = done.out.splitlines()
    assert first.startswith("mpc costs -")
    assert "against idle on 2 days: cheaper on 2, more expensive on 0" in first
    assert second == "breaches: idle 0, mpc 0"
    assert "2024-03 " in done.out
    assert "the gate would not promote mpc: too few test days" in done.out


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        pytest.param(("mpc", "mpc"), 2, "usage", id="the same"),
        pytest.param(("mpc", "nonsense"), 2, "usage", id="unknown"),
        pytest.param(("mpc",), 2, "usage", id="one side"),
        pytest.param(("mpc", "idle", "--from", "2024-03-31", "--to", "2024-03-04"), 2, "usage", id="turned round"),
        pytest.param(("mpc", "7", *RANGE), 3, "data_missing", id="no such version"),
        pytest.param(("mpc", "idle", "--from", "2023-11-01", "--to", "2023-11-02"), 3, "data_missing", id="no day"),
    ],
)
def test_compare_ends_with_its_code_when_it_cannot(
    darkstar: Darkstar, words: tuple[str, ...], code: int, name: str
) -> None:
    done = darkstar("compare", *words, "--json")
    assert (done.code, done.error["code"]) == (code, name)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        pytest.param("3", "models:/antares-home/3", id="a number"),
        pytest.param("models:/antares-home/2", "models:/antares-home/2", id="a reference"),
        pytest.param("value", "value", id="a policy"),
    ],
)
def test_side_is_what_a_person_means(text: str, policy: str) -> None:
    assert policy_reference(text, "home") == policy
