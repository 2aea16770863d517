"""The homes of a fleet with the state of their plans, as one table that every list and summary is cut from."""

import threading
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal

import polars as pl

from darkstar_pipeline.config.fleet.columns import SITE, TENANT
from darkstar_pipeline.config.fleet.settings import FleetSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.evaluation.fleet_verdict import captured
from darkstar_pipeline.fleet.homes import FleetHomes
from darkstar_pipeline.fleet.homes_file import homes_path, read_homes
from darkstar_pipeline.service.fleet.plan_shelf import PlanShelf
from darkstar_pipeline.state.atomic_files import FileIdentity, file_identity
from env.time_grid import SLOT_DTYPE

PAID = {"days": "judged_days", "cost": "paid", "idle_cost": "idle_paid", "oracle_cost": "oracle_paid"}
"""Names of what was paid on the days that were judged, as the verdict on a fleet has them."""
STALE_AFTER = timedelta(hours=1)
"""Age from which a plan is stale: four rounds of planning that did not happen."""
State = Literal["planned", "stale", "no_plan"]
PLANNED: State = "planned"
STALE: State = "stale"
NO_PLAN: State = "no_plan"


class Directory:
    """The homes of a fleet; a change of their file shows at the next refresh.

    Args:
        fleet: what the homes share.
        home: the state folder.
        shelf: the plans.

    Raises:
        ConfigurationError: the file of homes cannot be read.
    """

    def __init__(self, fleet: FleetSettings, home: Path, shelf: PlanShelf) -> None:
        self._fleet, self._home, self._shelf = fleet, home, shelf
        self._identity: FileIdentity = file_identity(homes_path(home))
        self.homes = FleetHomes(fleet, read_homes(home))
        self.problem = ""
        """Why a changed file of homes could not be read; empty where it could."""
        self._lock = threading.Lock()
        self._tenants = lru_cache(maxsize=1024)(self._of_tenant)
        self._overview = self._joined()

    def refresh(self) -> None:
        """Read the homes where their file has changed, and join them with the plans as they are now."""
        identity = file_identity(homes_path(self._home))
        if identity != self._identity:
            try:
                self.homes, self._identity, self.problem = FleetHomes(self._fleet, read_homes(self._home)), identity, ""
            except ConfigurationError as error:
                self.problem = error.message
        with self._lock:
            self._overview = self._joined()
            self._tenants.cache_clear()

    def tenant_of(self, site: str) -> str | None:
        """Return the tenant of a home; None where there is no such home."""
        try:
            return self.homes.tenant(site)
        except KeyError:
            return None

    def discharge_kw(self, site: str) -> float:
        """Return what a home's battery can give [kW], also where other settings of it are wrong.

        Raises:
            KeyError: there is no such home.
        """
        own = self.homes.row(site)["discharge_kw"]
        return self._fleet.defaults.battery.discharge_kw if own is None else float(str(own))

    def overview(self, tenant: str | None, now: datetime) -> pl.DataFrame:
        """Return the homes of a tenant, all for None, in order of names, with the state of their plans at a moment."""
        rows = self._overview if tenant is None else self._tenants(tenant)
        return rows.with_columns(state=_state(now))

    def _of_tenant(self, tenant: str) -> pl.DataFrame:
        with self._lock:
            return self._overview.filter(pl.col(TENANT) == tenant)

    def _with_currency(self) -> pl.DataFrame:
        """Return the rows of homes with the currency that each one's settings come to; asked once of those alike."""
        rows, alike = self.homes.rows, ["area", "currency"]
        firsts = rows.group_by(alike, maintain_order=True).agg(pl.col(SITE).first())
        found = firsts.with_columns(
            found=pl.Series([self._currency(site) for site in firsts[SITE]], dtype=pl.String)
        ).drop(SITE)
        joined = rows.join(found, on=alike, how="left", nulls_equal=True, maintain_order="left")
        return joined.with_columns(currency=pl.col("found"))

    def _currency(self, site: str) -> str:
        """Return the currency of a home; the fleet's where its own settings are wrong."""
        try:
            return self.homes[site].currency
        except ConfigurationError:
            return self._fleet.defaults.currency

    def _joined(self) -> pl.DataFrame:
        usual = self._fleet.defaults
        homes = self._with_currency().select(
            SITE,
            TENANT,
            pl.col("area").fill_null(usual.area),
            "currency",
            pl.col("tariff").alias("class"),
            pl.col("capacity_kwh").fill_null(usual.battery.capacity_kwh),
            "latitude",
            "longitude",
        )
        plans = self._shelf.summary().with_columns(saving=pl.col("self_consumption_cost") - pl.col("cost"))
        joined = homes.join(plans, on=SITE, how="left", maintain_order="left")
        shares = joined.select("currency", **PAID).select(captured("days"))
        told = pl.col("problem", "details", "obstacle", "obstacle_details").fill_null("")
        return joined.with_columns(told, shares["captured_share"])


def counts(column: pl.Series) -> dict[str, int]:
    """Return how many homes have each value of a column of the overview, most first; of those with none, none."""
    return dict(column.filter(column.is_not_null() & (column != "")).value_counts(sort=True).iter_rows())


def _state(now: datetime) -> pl.Expr:
    """Return the state of each plan: covering the moment and of the last hour, older, or none that covers it."""
    moment = pl.lit(now).cast(SLOT_DTYPE)
    covers = pl.col("verified") & (pl.col("valid_from") <= moment) & (pl.col("valid_until") > moment)
    fresh = pl.col("created_at") > moment - STALE_AFTER
    return pl.when(covers & fresh).then(pl.lit(PLANNED)).when(covers).then(pl.lit(STALE)).otherwise(pl.lit(NO_PLAN))


def state_of(rows: pl.DataFrame, place: int, now: datetime) -> State:
    """Return the state of one plan at a moment, as `overview` has it."""
    verified, begins, ends, made = (
        rows[name][place] for name in ("verified", "valid_from", "valid_until", "created_at")
    )
    if not verified or not begins <= now < ends:
        return NO_PLAN
    return PLANNED if made > now - STALE_AFTER else STALE
