"""Work is cut where about a second of it is together, and nothing is lost, doubled or moved."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cluster.shards import cut_shards

SECONDS = st.lists(st.floats(0.0, 30.0), max_size=40)


@given(seconds=SECONDS, shard_seconds=st.floats(0.1, 10.0))
def test_shards_are_the_items_in_order_and_hold_about_what_they_should(
    seconds: list[float], shard_seconds: float
) -> None:
    items = range(len(seconds))
    shards = cut_shards(items, seconds, shard_seconds=shard_seconds)
    assert [item for shard in shards for item in shard] == list(items)
    assert all(len(shard) for shard in shards)
    longest = max(seconds, default=0.0)
    for shard in shards:
        # A shard of a whole number of them is at most half again as long, and an item at its end hangs over by half.
        assert sum(seconds[item] for item in shard) <= 1.5 * shard_seconds + longest + 1e-6


@pytest.mark.parametrize(
    ("items", "seconds", "expected"),
    [
        ("", 1.0, []),
        ("abc", 0.0, ["abc"]),
        ("abc", 2.0, ["a", "b", "c"]),
        ("abcdef", 0.5, ["ab", "cd", "ef"]),
        ("abcd", [0.1, 5.0, 0.1, 0.1], ["a", "b", "cd"]),
        ("abcdef", [0.9, 0.1, 0.5, 0.5, 0.2, 0.8], ["ab", "cd", "ef"]),
    ],
)
def test_shards_take_about_a_second(items: str, seconds: float | list[float], expected: Sequence[str]) -> None:
    assert cut_shards(items, seconds) == expected
