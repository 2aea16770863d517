from dataclasses import replace

import numpy as np
import pytest

from env.errors import EpisodeError
from env.gym.episodes import Episodes, joined
from tests.builders.episodes import AUTUMN, PLAIN_DAY, SPRING, day_episode, mixed, several, sites


def test_rows_keep_their_days_when_days_of_other_lengths_are_joined() -> None:
    pairs = zip(sites(), (SPRING, AUTUMN, PLAIN_DAY), strict=True)
    parts = [day_episode(site, day, seed) for seed, (site, day) in enumerate(pairs)]
    together = joined(parts)
    assert len(together) == 3
    assert together.width == 100
    assert together.n_slots.tolist() == [92, 100, 96]
    assert together.inside.sum(axis=1).tolist() == [92, 100, 96]
    for row, part in enumerate(parts):
        assert together.sites[together.home[row]] == sites()[row]
        np.testing.assert_array_equal(together.load_kwh[row, : part.width], part.load_kwh[0])
        assert not together.load_kwh[row, part.width :].any()
        assert together.outlook is not None
        assert part.outlook is not None
        np.testing.assert_array_equal(together.outlook.value[row, : part.width], part.outlook.value[0])


def test_rows_are_picked_in_the_given_order() -> None:
    everything = replace(mixed(), labels=tuple("abcdefghijkl"))
    picked = everything.rows(np.array([7, 2]))
    assert picked.labels == ("h", "c")
    np.testing.assert_array_equal(picked.import_price, everything.import_price[[7, 2]])
    assert everything.outlook is not None
    assert picked.outlook is not None
    np.testing.assert_array_equal(picked.outlook.weight, everything.outlook.weight[[7, 2]])
    assert replace(everything, outlook=None, labels=(), baseline_cost=None).rows(np.array([1])).outlook is None


def test_outlook_and_baseline_are_left_out_when_a_part_has_none() -> None:
    bare = replace(day_episode(sites()[0], SPRING, 1), outlook=None, baseline_cost=None)
    together = joined([bare, day_episode(sites()[0], AUTUMN, 2)])
    assert together.outlook is None
    assert together.baseline_cost is None


def with_nan(episodes: Episodes, name: str, row: int, slot: int) -> Episodes:
    table = getattr(episodes, name).copy()
    table[row, slot] = np.nan
    return replace(episodes, **{name: table})


BROKEN = {
    "one day without its row": (lambda e: replace(e, load_kwh=e.load_kwh[0]), "load_kwh must be .n_episodes, width."),
    "prices of other days": (lambda e: replace(e, import_price=e.import_price[:, :-1]), "import_price must be"),
    "a day too long": (lambda e: replace(e, n_slots=e.n_slots + 1), r"n_slots must be 1\.\.100, got 93\.\.101"),
    "a day without slots": (lambda e: replace(e, n_slots=e.n_slots * 0), r"got 0\.\.0"),
    "a home that is not there": (lambda e: replace(e, home=e.home + 3), "home must index the 3 sites"),
    "a gap in a price": (lambda e: with_nan(e, "export_price", 1, 99), "export_price of row 1, slot 99 is nan"),
    "a gap in the baseline": (lambda e: with_nan(e, "baseline_cost", 0, 3), "baseline_cost of row 0, slot 3 is nan"),
    "no start": (lambda e: replace(e, start_soc_kwh=e.start_soc_kwh * np.nan), "start_soc_kwh must be finite"),
    "too few labels": (lambda e: replace(e, labels=("only",)), "one label a row: 12 rows, got 1"),
    "an outlook of other days": (
        lambda e: replace(e, outlook=replace(e.outlook, load_kwh=e.outlook.load_kwh[:1])),
        "outlook.load_kwh must start with",
    ),
    "a worth at one point": (
        lambda e: replace(e, outlook=replace(e.outlook, value=e.outlook.value[:, :, :1])),
        "at least two points",
    ),
    "a gap in the outlook": (
        lambda e: replace(e, outlook=replace(e.outlook, pv_kwh=e.outlook.pv_kwh * np.nan)),
        "outlook.pv_kwh of row 0, slot 0 is nan",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("breaking", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_episodes_are_refused_when_they_cannot_be_stepped_through(breaking, message: str) -> None:
    with pytest.raises(EpisodeError, match=message):
        breaking(mixed())


def test_nothing_is_refused_when_a_gap_lies_behind_the_day() -> None:
    assert len(with_nan(mixed(), "load_kwh", 0, 95)) == 12


def test_joining_is_refused_when_there_is_nothing_or_outlooks_differ() -> None:
    with pytest.raises(EpisodeError, match="no episodes"):
        joined([])
    with pytest.raises(EpisodeError, match="equally many scenarios"):
        joined([several(sites()[0]), day_episode(sites()[0], SPRING, 1, n_scenarios=5)])


def test_central_outlook_is_the_likely_mean_when_scenarios_are_merged() -> None:
    outlook = mixed().outlook
    assert outlook is not None
    central = outlook.central()
    assert central.load_kwh.shape[2] == 1
    expected = np.average(outlook.pv_kwh[3, 40], weights=outlook.weight[3, 40])
    assert central.pv_kwh[3, 40, 0] == pytest.approx(expected)
    assert central.weight[3, 40].tolist() == [1.0]
    assert central.value is outlook.value
