"""YAML as people write it: scalars by the core schema of YAML 1.2, no key twice, and the line of every value.

PyYAML reads YAML 1.1, in which `22:00` without quotes is the number 1320 and `NO` is false. Its loader is kept, its
table of what a plain word means is not. Reference: https://yaml.org/spec/1.2.2/#103-core-schema.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import yaml

Place = Sequence[int | str]
"""Keys and positions from the top of a document down, such as `("sites", "home", "tariff", 0)`."""


MOST_NODES = 100_000
"""More values no settings have; aliases of aliases make billions of a few lines."""


class DuplicateKeyError(yaml.YAMLError):
    """A key stands twice in one mapping: YAML 1.2 allows it once, and PyYAML takes the last without a word."""


class _CoreLoader(yaml.SafeLoader):
    """Safe loader with the scalars of YAML 1.2; the table is filled below."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own form

    def construct_core_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number: decimal (also with leading zeros), `0o17` or `0x1F`."""
        return int(node.value, {"0o": 8, "0x": 16}.get(node.value[:2], 10))


_CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),  # of YAML 1.1, and kept: files with anchors use it
)


class QuotingDumper(yaml.SafeDumper):
    """Safe dumper that quotes text which either YAML 1.1 or YAML 1.2 would read as something else: NO, 06:00, 1e3."""


for _class in (_CoreLoader, QuotingDumper):
    for _name, _pattern, _first in _CORE:
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _first)  # pyright: ignore[reportUnknownMemberType] - untyped
_CoreLoader.add_constructor("tag:yaml.org,2002:int", _CoreLoader.construct_core_int)  # pyright: ignore[reportUnknownMemberType] - untyped


class YamlDocument(NamedTuple):
    """A document's values, and where they stand.

    Attributes:
        values: as Python's own types; None of an empty document.
        root: node that holds the places of the text; None of an empty document.
    """

    values: object
    root: yaml.Node | None

    def line(self, place: Place) -> int | None:
        """Return the line on which a place is written, or the nearest place above it; None of an empty document."""
        node, line = self.root, None
        for step in place:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        if line is None and self.root is not None and not place:
            line = self.root.start_mark.line + 1
        return line


def read_yaml(text: str) -> YamlDocument:
    """Read a document.

    Raises:
        YAMLError: the text is no YAML, or a key stands twice.
    """
    loader = _CoreLoader(text)
    try:
        root = loader.get_single_node()  # pyright: ignore[reportUnknownMemberType] - untyped
        if root is None:
            return YamlDocument(None, None)
        _refuse_duplicates(root, set())
        if _size(root, {}) > MOST_NODES:
            raise yaml.YAMLError("its aliases stand for more than can be read: write out what they stand for")
        return YamlDocument(cast("Any", loader.construct_document(root)), root)  # pyright: ignore[reportUnknownMemberType] - untyped
    except RecursionError:
        raise yaml.YAMLError("its values stand inside one another too deeply") from None
    finally:
        loader.dispose()  # pyright: ignore[reportUnknownMemberType] - untyped


def _refuse_duplicates(node: yaml.Node, seen: set[int]) -> None:
    """Refuse a key that stands twice.

    Args:
        node: with everything below it.
        seen: nodes that were looked at: an alias may hold its own anchor.

    Raises:
        DuplicateKeyError: there is one.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[tuple[str, str], int] = {}
    for key, value in _pairs(node):
        line = key.start_mark.line + 1
        name = (key.tag, str(key.value))
        if name in lines and isinstance(key, yaml.ScalarNode):
            message = f"{key.value} stands twice, in line {lines[name]} and in line {line}: remove one of them"
            raise DuplicateKeyError(message)
        lines[name] = line
        _refuse_duplicates(value, seen)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many values a node stands for, each alias with all that it names; one inside itself counts as none."""
    if id(node) not in sizes:
        sizes[id(node)] = 0
        pairs = _pairs(node) if isinstance(node, yaml.MappingNode) else []
        items = cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else []
        below = (*items, *(each for pair in pairs for each in pair))
        sizes[id(node)] = 1 + sum(_size(each, sizes) for each in below)
    return sizes[id(node)]


def _child(node: yaml.Node | None, step: int | str) -> tuple[yaml.Node, int] | None:
    """Return the node below a step and the line of its key; None where there is none."""
    if isinstance(node, yaml.MappingNode):
        for key, value in _pairs(node):
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = cast("yaml.Node", node.value[step])
        return item, item.start_mark.line + 1
    return None


def _pairs(node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
    return cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
