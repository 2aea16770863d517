"""YAML as people write it: scalars of YAML 1.2, no key twice, lines."""

from itertools import pairwise

import pytest
import yaml

from darkstar_pipeline.config.yaml_file.document import DuplicateKeyError, read_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:00", "22:00"), ("06:00", "06:00"), ("1:30:00", "1:30:00"), ("NO", "NO"), ("on", "on"), ("yes", "yes"),
        ("true", True), ("False", False), ("~", None), ("", None), ("null", None), ("012", 12), ("0o17", 15),
        ("0x1F", 31), ("-3", -3), ("1e3", 1000.0), (".5", 0.5), ("1.", 1.0), ("2026-01-01", "2026-01-01"),
        ("'3'", "3"), ("[1, 2.5]", [1, 2.5]),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    found = read_yaml(f"a: {written}\n").values
    assert found == {"a": value}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 1 and in line 3"),
        ("x:\n  - {a: 1}\n  - b: 1\n    b: 1\n", "line 3 and in line 4"),
        ("{a: 1, a: 1}", "line 1 and in line 1"),
    ],
)
def test_key_that_stands_twice_is_refused_with_both_lines(text: str, lines: str) -> None:
    with pytest.raises(DuplicateKeyError, match=lines):
        read_yaml(text)


def test_anchors_and_merges_are_read_and_may_be_overridden() -> None:
    assert read_yaml("m: &x {a: 1, b: 2}\nn:\n  <<: *x\n  b: 3\n").values == {
        "m": {"a": 1, "b": 2},
        "n": {"a": 1, "b": 3},
    }
    with pytest.raises(yaml.YAMLError):
        read_yaml("a: !!python/object/apply:os.getcwd []")


def test_line_is_that_of_the_key_or_of_the_nearest_place_above() -> None:
    document = read_yaml("\na:\n  b:\n    - c: 1\n    - d: 2\n")
    assert [document.line(place) for place in (("a",), ("a", "b", 1, "d"), ("a", "b", 9), ("a", "x", "y"), ())] == [
        2, 5, 3, 2, 2,
    ]  # fmt: skip
    assert read_yaml("# nothing\n").line(("a",)) is None
    assert read_yaml("").values is None


def test_aliases_of_aliases_and_endless_nesting_are_refused_at_once() -> None:
    """Ten lines that stand for ten billion values filled the memory of who read them."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise("abcdefghij")]
    with pytest.raises(yaml.YAMLError, match="aliases stand for more"):
        read_yaml("\n".join(lines))
    with pytest.raises(yaml.YAMLError, match="too deeply"):
        read_yaml("[" * 5000 + "]" * 5000)
    assert read_yaml("a: &a [1, 2]\nb: *a").values == {"a": [1, 2], "b": [1, 2]}
