"""Common parts of the daily assets of one home: keys, partitions and metadata."""

import functools
import re
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
import polars as pl

from assets.partitions import daily_partitions
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.engines.choice import on_engine
from darkstar_pipeline.orchestration.resources import SITE_KEY, TABLE_KEY
from darkstar_pipeline.warehouse.schemas import Table
from env.site import Site

if TYPE_CHECKING:
    Result: TypeAlias = dg.MaterializeResult[Any]
else:
    Result = (
        dg.MaterializeResult
    )  # Dagster reads the annotations of assets, and takes an argument for the type of a value

_NOBODY = "team:home"
"""Owner of a home's assets that names no address to be told by: Dagster takes addresses and teams."""
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
"""Addresses that Dagster takes for owners."""
IO_MANAGER = "io_manager"  # Dagster's default key: external assets are read through it too


def _are_rows(_: dg.TypeCheckContext, value: object) -> bool:
    return isinstance(value, pl.DataFrame | dict)


ROWS = dg.DagsterType(
    type_check_fn=_are_rows,
    name="Rows",
    description="Rows of the asset's table, or of several tables by name.",
)


@dataclass(frozen=True, kw_only=True)
class Home:
    """One home of the configuration, as its assets see it.

    Attributes:
        context: the home's settings and its lake.
        prefix: first part of its asset keys; empty for the default home.
    """

    context: Context
    prefix: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name in `darkstar.yaml`, and in the `site` column of every table."""
        return self.context.site_name

    @property
    def settings(self) -> SiteSettings:
        """Its part of the configuration."""
        return self.context.site_settings

    @property
    def site(self) -> Site:
        """The home in the types that `env` and `planner` compute with."""
        return self.context.site

    @property
    def timezone(self) -> str:
        """The IANA zone whose calendar days are the home's days."""
        return self.context.timezone

    @property
    def owners(self) -> list[str]:
        """Those who are told by e-mail what is broken; a team of the home where nobody is."""
        email = self.settings.notifications.email
        addresses = () if email is None else email.to
        return [address for address in addresses if _ADDRESS.fullmatch(address)] or [_NOBODY]

    def key(self, asset: str) -> dg.AssetKey:
        """Key of one of the home's assets."""
        return dg.AssetKey([*self.prefix, asset])

    def presentation(self, table: Table | None, *, group: str, kinds: Sequence[str]) -> dict[str, Any]:
        """Return the metadata of an asset of the home for the page."""
        return {
            "group_name": group,
            "kinds": set(kinds),
            "owners": self.owners,
            "partitions_def": daily_partitions(self.settings),
            "metadata": self._metadata(table),
        }

    def _metadata(self, table: Table | None) -> Mapping[str, Any]:
        if table is None:
            return {SITE_KEY: self.name}
        return {
            SITE_KEY: self.name,
            TABLE_KEY: table.name,
            "dagster/table_name": table.name,
            "dagster/column_schema": column_schema(table),
        }


def daily_asset(  # noqa: PLR0913 - keyword-only, one word per thing the page shows
    home: Home,
    table: Table | None,
    *,
    group: str,
    kinds: Sequence[str],
    inputs: Sequence[str] = (),
    deps: Sequence[dg.AssetDep] = (),
    checks: Sequence["Check"] = (),
    code_version: str | None = None,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare a daily asset of a home: one run covers any range of days; its docstring is its description.

    Args:
        home: whose asset it is.
        table: the table of the lake it fills, or None where it fills none.
        group: box it is shown in.
        kinds: badges it is shown with.
        inputs: names of the assets it takes as frames, in the names of its arguments.
        deps: assets it reads by itself.
        checks: checks of its own result.
        code_version: changes when the same inputs would give another result.
    """

    def declare(function: Callable[..., Any]) -> dg.AssetsDefinition:
        name = function.__name__
        with beta_features():
            return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
                name=name,
                key_prefix=list(home.prefix) or None,
                ins={upstream: dg.AssetIn(key=home.key(upstream)) for upstream in inputs},
                deps=list(deps),
                backfill_policy=dg.BackfillPolicy.single_run(),
                dagster_type=ROWS if table is not None else None,
                check_specs=[check.spec(home.key(name)) for check in checks],
                code_version=code_version,
                **home.presentation(table, group=group, kinds=kinds),
            )(_on_engine(home, function))

    return declare


def _on_engine(home: Home, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of an asset, its shards on the configured engine."""

    @functools.wraps(function)
    def body(*args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - Dagster reads the signature that is wrapped
        with on_engine(lambda: home.context.settings.engine):
            return function(*args, **arguments)

    return body


def undated_asset(
    home: Home, function: Callable[..., "Result"], *, group: str, deps: Sequence[str], kinds: Sequence[str]
) -> dg.AssetsDefinition:
    """Declare an asset of a home without days of its own, such as a model, which is of a window that moves.

    Args:
        home: whose asset it is.
        function: makes it; its name and docstring are the asset's.
        group: box it is shown in.
        deps: names of the assets it reads by itself.
        kinds: badges it is shown with.
    """
    shown = home.presentation(None, group=group, kinds=kinds)
    del shown["partitions_def"]
    return dg.asset(  # pyright: ignore[reportUnknownVariableType] - partly untyped in Dagster
        name=function.__name__,
        key_prefix=list(home.prefix) or None,
        deps=[home.key(name) for name in deps],
        **shown,
    )(_on_engine(home, function))


def days_before(home: Home, assets: Sequence[str], lookback_days: int) -> list[dg.AssetDep]:
    """Return the dependence of a day on the `lookback_days` days before it, which need not all exist."""
    return days_around(home, assets, before=lookback_days, after=-1)


def days_around(home: Home, assets: Sequence[str], *, before: int, after: int) -> list[dg.AssetDep]:
    """Dependence of a day on those from so many days before it to so many after it, which need not all exist."""
    with beta_features():
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=-before, end_offset=after, allow_nonexistent_upstream_partitions=True
        )
    return [dg.AssetDep(home.key(name), partition_mapping=mapping) for name in assets]


def source_pool(order: Sequence[str]) -> str | None:
    """Return the pool of an asset that asks sources in this order: that of the first one, which all homes ask.

    A fleet's `dagster.yaml` limits how many runs of a pool are at work at once; without a limit a pool does nothing.
    """
    return f"source_{order[0].replace('-', '_')}" if order else None


@contextmanager
def beta_features() -> Generator[None]:
    """Room for what this release calls beta: single runs, which make a year take seconds, and `days_before`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=dg.BetaWarning)
        yield


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question an asset answers about its own result.

    Attributes:
        blocking: whether a failure stops what comes after: for broken structure only, since a run covers many days and
            one bad day must not stop the others.
    """

    name: str
    description: str
    blocking: bool = False

    def spec(self, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        """The check as Dagster declares it."""
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.description, blocking=self.blocking)

    def result(self, *, passed: bool, **counts: float | dg.MetadataValue) -> dg.AssetCheckResult:
        """The answer, with the counts it rests on."""
        severity = dg.AssetCheckSeverity.ERROR if self.blocking else dg.AssetCheckSeverity.WARN
        return dg.AssetCheckResult(passed=passed, severity=severity, check_name=self.name, metadata=counts)


def column_schema(table: Table) -> dg.TableSchema:
    """The table's declaration as the page shows it."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=str(column.dtype),
            description=f"{column.meaning} [{column.unit}]" if column.unit else column.meaning,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.every_column
    ]
    key = ", ".join(("site", *table.key))
    return dg.TableSchema(columns=columns, constraints=dg.TableConstraints(other=[f"key: {key}"]))
