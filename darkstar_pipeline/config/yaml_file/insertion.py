"""Insertion of a site or a tariff into the text of an existing configuration file; no other line is rewritten.

Insertion rather than a round trip through ruamel.yaml, since what a person wrote must stay. Measured with ruamel.yaml
0.19 on eight such files, a round trip changed five: it replaced line ends of another system, moved comments, joined
flow mappings written over two lines, turned `~` into `null`, and lost a file of comments alone.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import yaml

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.yaml_file.nodes import child, end_of, insert_after, top_level_value, with_line_end
from darkstar_pipeline.config.yaml_file.rendering import render_site, render_tariff
from darkstar_pipeline.errors import ConfigurationError


def insert_site(text: str, name: str, site: SiteSettings, path: Path) -> str:
    """Return the text with a site inserted behind the last one.

    Args:
        text: the configuration file, with its own line ends.
        name: name of the new site.
        site: its settings.
        path: the file, for messages.

    Raises:
        ConfigurationError: `sites` is written in braces, where no line can be inserted.
    """
    sites = top_level_value(text, "sites")
    if sites is None:
        return with_line_end(text) + "sites:\n" + render_site(name, site)
    if isinstance(sites, yaml.MappingNode) and not sites.value:  # sites: {}
        text = text[: sites.start_mark.index] + text[sites.end_mark.index :]
        return insert_after(text, sites.start_mark.index, render_site(name, site))
    if not isinstance(sites, yaml.MappingNode) or sites.flow_style:
        raise ConfigurationError(f"`sites` in {path} is not written as indented lines", "add the site by hand")
    key, last = cast("list[tuple[yaml.Node, yaml.Node]]", sites.value)[-1]
    return insert_after(text, end_of(key, last), render_site(name, site, sites.start_mark.column))


def replace_tariff(text: str, name: str, tariff: Sequence[TariffSettings], path: Path) -> str:
    """Return the text with another tariff of a site, in the lines of the one before or behind its last setting.

    Args:
        text: the configuration file, with its own line ends.
        name: name of the site.
        tariff: the new tariff.
        path: the file, for messages.

    Raises:
        ConfigurationError: the site is written in braces, where no line can be inserted.
    """
    site = child(top_level_value(text, "sites"), name)
    if not isinstance(site, yaml.MappingNode) or site.flow_style or not site.value:
        raise ConfigurationError(f"site {name} in {path} is not written as indented lines", "write the tariff by hand")
    pairs = cast("list[tuple[yaml.Node, yaml.Node]]", site.value)
    lines = render_tariff(name, tariff, pairs[0][0].start_mark.column)
    if "\r\n" in text:
        lines = lines.replace("\n", "\r\n")
    old = next((pair for pair in pairs if pair[0].value == "tariff"), None)
    if old is None:
        return insert_after(text, end_of(*pairs[-1]), lines)
    begin = text.rfind("\n", 0, old[0].start_mark.index) + 1
    end = text.find("\n", end_of(*old) - 1)
    return text[:begin] + lines + ("" if end < 0 else text[end + 1 :])


def set_default_site(text: str, name: str) -> str:
    """Return the text with that default site."""
    value = top_level_value(text, "default_site")
    if value is None:
        return f"default_site: {name}\n" + text
    separator = " " if text[value.start_mark.index - 1] == ":" else ""
    return text[: value.start_mark.index] + separator + name + text[value.end_mark.index :]
