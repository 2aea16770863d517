"""Learned values in the lines of a site's battery, each with the value before it, so that it can be taken back.

    capacity_kwh: 9.4  # nominal capacity [kWh]; learned 2026-11-30, before: 10.0

What stood there before is in the file itself: a person sees it, and it moves with the file.
"""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, cast

import yaml

from darkstar_pipeline.config.yaml_file.nodes import child, end_of, insert_after, top_level_value
from darkstar_pipeline.errors import ConfigurationError

_NONE = "nothing"
_NOTE = re.compile(r"(?:;|[ ]*#) learned \S+, before: (?P<before>.*?)[ ]*$")


def write_learned(text: str, name: str, setting: str, value: object, day: date, path: Path) -> str:
    """Return the text with a learned value of a site's battery, and the one before beside it.

    Args:
        text: the configuration file, with its own line ends.
        name: name of the site.
        setting: its name in `battery`.
        value: the learned value.
        day: the day on which it is taken over.
        path: the file, for messages.

    Raises:
        ConfigurationError: battery or setting are not written as lines that can be changed.
    """
    pairs, column = _battery(text, name, path)
    old = next((node for key, node in pairs if key.value == setting), None)
    line_end = "\r\n" if "\r\n" in text else "\n"
    if old is None:
        line = f"{' ' * column}{setting}: {json.dumps(value)}  # learned {day}, before: {_NONE}{line_end}"
        return insert_after(text, end_of(*pairs[-1]), line)
    begin, end = _line(text, old, setting, path)
    line = text[begin:end]
    before = text[old.start_mark.index : old.end_mark.index]
    noted = _NOTE.search(line)
    if noted is not None:  # accepted twice: what a person once wrote stays the value before
        line, before = line[: noted.start()], noted["before"]
    place = old.start_mark.index - begin
    comment = line[old.end_mark.index - begin :].rstrip()
    mark = f"{comment};" if comment else "  #"
    return f"{text[:begin]}{line[:place]}{json.dumps(value)}{mark} learned {day}, before: {before}{text[end:]}"


def take_back_learned(text: str, name: str, setting: str, path: Path) -> tuple[str, Any]:
    """Return the text with the value before a learned one, and that value; None where there was none.

    Raises:
        ConfigurationError: no learned value stands there.
    """
    pairs, _ = _battery(text, name, path)
    old = next((node for key, node in pairs if key.value == setting), None)
    begin, end = (0, 0) if old is None else _line(text, old, setting, path)
    noted = _NOTE.search(text[begin:end])
    if old is None or noted is None:
        message = f"no learned value of battery.{setting} stands in {path}"
        raise ConfigurationError(message, "darkstar care shows what was accepted")
    if noted["before"] == _NONE:
        return text[:begin] + text[text.find("\n", begin) + 1 :], None
    kept = text[old.end_mark.index : begin + noted.start()]
    return f"{text[: old.start_mark.index]}{noted['before']}{kept}{text[end:]}", yaml.safe_load(noted["before"])


def value_before(text: str, name: str, setting: str, path: Path) -> str | None:
    """Return what stood before a learned value of a site's battery; None where no learned value stands."""
    pairs, _ = _battery(text, name, path)
    old = next((node for key, node in pairs if key.value == setting), None)
    if old is None or old.start_mark.line != old.end_mark.line:
        return None
    begin, end = _line(text, old, setting, path)
    noted = _NOTE.search(text[begin:end])
    return None if noted is None else noted["before"]


def _battery(text: str, name: str, path: Path) -> tuple[list[tuple[yaml.Node, yaml.Node]], int]:
    """Return the lines of a site's battery and their column.

    Raises:
        ConfigurationError: it is not written as lines.
    """
    battery = child(child(top_level_value(text, "sites"), name), "battery")
    if not isinstance(battery, yaml.MappingNode) or battery.flow_style or not battery.value:
        message = f"the battery of {name} in {path} is not written as indented lines"
        raise ConfigurationError(message, "write the value by hand")
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", battery.value)
    return pairs, pairs[0][0].start_mark.column


def _line(text: str, node: yaml.Node, setting: str, path: Path) -> tuple[int, int]:
    """Return the begin and the end, without its line end, of the line that a value stands in.

    Raises:
        ConfigurationError: it goes over several.
    """
    begin = text.rfind("\n", 0, node.start_mark.index) + 1
    end = text.find("\n", begin)
    end = len(text) if end < 0 else end
    if node.end_mark.index > end:
        raise ConfigurationError(f"battery.{setting} in {path} goes over several lines", "write the value by hand")
    return begin, end - text[begin:end].endswith("\r")
