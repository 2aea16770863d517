"""Homes that are worked on together, and what they have in common."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from darkstar_pipeline.config.fingerprints import Stage, config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import home_has_pv
from darkstar_pipeline.fleet.shard_tables import ShardTables
from darkstar_pipeline.models.fleet.store import fleet_models
from darkstar_pipeline.policies.champions import Champions
from darkstar_pipeline.warehouse.schemas import Table


@dataclass(frozen=True)
class Homes:
    """Homes of one bucket and a range of local days.

    Attributes:
        contexts: the homes by name; their lake is `tables`.
        tables: rows of the bucket.
        first: first local day.
        last: last local day, included.
    """

    contexts: Mapping[str, Context]
    tables: ShardTables
    first: date
    last: date

    @property
    def names(self) -> list[str]:
        """Names of the homes."""
        return list(self.contexts)

    def __iter__(self) -> Iterator[Context]:
        """Iterate over the homes."""
        return iter(self.contexts.values())

    def only(self, names: Sequence[str]) -> "Homes":
        """Return some of the homes."""
        return Homes({name: self.contexts[name] for name in names}, self.tables, self.first, self.last)

    def alike(self, form: Callable[[Context], Hashable]) -> "list[Homes]":
        """Return the homes of each form, in order of its first home."""
        groups: dict[Hashable, list[str]] = {}
        for name, context in self.contexts.items():
            groups.setdefault(form(context), []).append(name)
        return [self.only(names) for names in groups.values()]

    @property
    def one(self) -> Context:
        """Return any of the homes: of homes of one form, the form's."""
        return next(iter(self.contexts.values()))

    def read(self, table: Table, first: date | None = None) -> pl.DataFrame:
        """Return the homes' rows of a table, from the range's first day on or an earlier one."""
        return self.own(self.tables.rows(table, first or self.first, self.last))

    def own(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of these homes."""
        return rows.filter(pl.col("site").is_in(self.names))

    @cached_property
    def has_pv(self) -> dict[str, bool]:
        """Return whether each home has panels."""
        return {name: home_has_pv(each.lake, name, each.site_settings.has_pv) for name, each in self.contexts.items()}

    @cached_property
    def champions(self) -> Champions:
        """Return the versions that the fleet's homes have in use, by one reading of the pointer."""
        return Champions(fleet_models(self.one.settings, self.one.home))

    def versions(self, stage: Stage) -> pl.Expr:
        """Return the fingerprint of each row's home: `config_version`."""
        known: dict[int, str] = {}  # homes that are alike share their settings
        found: dict[str, str] = {}
        for name, context in self.contexts.items():
            settings = context.site_settings
            if id(settings) not in known:
                known[id(settings)] = config_version(settings, stage)
            found[name] = known[id(settings)]
        return pl.col("site").replace_strict(found, return_dtype=pl.String).alias("config_version")
