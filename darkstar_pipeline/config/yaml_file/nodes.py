"""Places in the text of a YAML file: the nodes of its keys, where they end, and lines behind them."""

from typing import cast

import yaml


def top_level_value(text: str, key: str) -> yaml.Node | None:
    """Return the node of a top-level key, which holds its position in the text."""
    return child(cast("yaml.Node | None", yaml.compose(text, Loader=yaml.SafeLoader)), key)  # pyright: ignore[reportUnknownMemberType] - untyped


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the node of a key of a mapping; None where there is none."""
    if not isinstance(node, yaml.MappingNode):
        return None
    for name, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return value
    return None


def end_of(key: yaml.Node, value: yaml.Node) -> int:
    """Return the position where the last thing inside ends: a block's own end mark lies behind following comments."""
    if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
        return max(end_of(*value.value[-1]), key.end_mark.index)  # what an alias stands for ends above it
    if isinstance(value, yaml.SequenceNode) and value.value and not value.flow_style:
        return end_of(key, value.value[-1])
    return max(value.end_mark.index, key.end_mark.index)


def insert_after(text: str, place: int, block: str) -> str:
    """Return the text with a block of lines behind the line that holds `place`."""
    end = text.find("\n", place)
    if end < 0:
        return with_line_end(text) + block
    return text[: end + 1] + block + text[end + 1 :]


def with_line_end(text: str) -> str:
    """Return a text that ends with the end of a line, if it has any."""
    return text if not text or text.endswith("\n") else text + "\n"
