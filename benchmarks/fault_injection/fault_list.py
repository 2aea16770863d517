"""Faults that can be injected into the state folder of a served home from outside, and removed again."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import SITE, configure
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS, RAW_SPOT_PRICES, SLOT_FORECASTS, SPOT_PRICES, Table

TOP = frozenset({"champion"})
BELOW = frozenset({"last_plan", "self_consumption"})
OLD_PLAN = frozenset({"last_plan"})


@dataclass(frozen=True)
class Lab:
    """A home that faults are injected into.

    Attributes:
        home: the served home.
        at: moment that its service starts at.
        kept: folder with a copy of the home as it should be.
    """

    home: FreshHome
    at: datetime
    kept: Path

    @property
    def lake(self) -> Lake:
        """The home's lake."""
        return Lake(self.home.state / "lake")

    @property
    def models(self) -> Path:
        """Folder of the versions of its policies."""
        return self.home.state / "models" / SITE / f"antares-{SITE}"

    @property
    def today(self) -> date:
        """The service's local day."""
        return self.at.date()

    def restore(self) -> None:
        """Restore the home from its copy; files are replaced, as an import replaces them."""
        shutil.rmtree(self.lake.root, ignore_errors=True)
        shutil.copytree(self.kept / "lake", self.lake.root)
        fresh = self.models / "champion.new"  # the pointer moves in one step, as a promotion moves it
        shutil.copy(self.kept / "models" / SITE / f"antares-{SITE}" / "champion.json", fresh)
        fresh.replace(self.models / "champion.json")
        shutil.rmtree(self.models / "v2", ignore_errors=True)
        shutil.copy(self.kept / "darkstar.yaml", self.home.folder / "darkstar.yaml")


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: the fault in words.
        inject: function that injects it.
        rungs: plan sources that may then plan.
        component: component of the service that must report it; empty where the fault needs no report.
    """

    name: str
    inject: Callable[[Lab], None]
    rungs: frozenset[str]
    component: str = ""


def _days(lab: Lab, table: Table, days: tuple[int, ...], change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Rewrite days of a table, counted from today."""
    for offset in days:
        day = lab.today + timedelta(days=offset)
        rows = lab.lake.read(table, SITE, day, day)
        if rows.height:
            lab.lake.write_day(table, SITE, day, change(rows))


def _without(lab: Lab, table: Table, *days: int) -> None:
    for offset in days:
        shutil.rmtree(lab.lake.path(table, SITE, lab.today + timedelta(days=offset)).parent, ignore_errors=True)


def _prices(lab: Lab, days: tuple[int, ...], change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    for table in (RAW_SPOT_PRICES, SPOT_PRICES):
        _days(lab, table, days, change)


def no_prices(lab: Lab) -> None:
    """Remove today's and tomorrow's prices."""
    for table in (RAW_SPOT_PRICES, SPOT_PRICES):
        _without(lab, table, 0, 1)


def late_prices(lab: Lab) -> None:
    """Remove tomorrow's prices."""
    for table in (RAW_SPOT_PRICES, SPOT_PRICES):
        _without(lab, table, 1)


def four_prices(lab: Lab) -> None:
    """Keep 4 prices of 96 of tomorrow."""
    _prices(lab, (1,), lambda rows: rows.head(4))


def nan_prices(lab: Lab) -> None:
    """Write NaN prices."""
    _prices(lab, (0, 1), lambda rows: rows.with_columns(price=pl.lit(float("nan"))))


def yesterdays_prices(lab: Lab) -> None:
    """Write today's prices as tomorrow's."""
    today = lab.lake.read(RAW_SPOT_PRICES, SITE, lab.today, lab.today)["price"]
    _prices(
        lab,
        (1,),
        lambda rows: rows.with_columns(
            price=today.head(rows.height).extend_constant(0.5, max(rows.height - len(today), 0))
        ),
    )


def damaged(table: Table) -> Callable[[Lab], None]:
    """Return an injection that overwrites today's file of a table with what is no Parquet."""

    def inject(lab: Lab) -> None:
        lab.lake.path(table, SITE, lab.today).write_bytes(b"PAR1 but not really")

    return inject


def no_lake(lab: Lab) -> None:
    """Remove the whole lake."""
    shutil.rmtree(lab.lake.root)


def no_readings(lab: Lab) -> None:
    """Remove all readings."""
    shutil.rmtree(lab.lake.root / METER_READINGS.name)


def old_readings(lab: Lab) -> None:
    """Remove the readings of twelve days."""
    _without(lab, METER_READINGS, *range(-12, 1))


def no_forecast(lab: Lab) -> None:
    """Write a forecast of nulls."""
    rows = lab.lake.read(SLOT_FORECASTS, SITE)
    last = rows.filter(pl.col("local_day") == rows["local_day"].max())
    moved = last.with_columns(
        pl.col("slot_start") + (lab.today - last["local_day"][0]),
        vintage=pl.col("vintage") + (lab.today - last["local_day"][0]),
        local_day=pl.lit(lab.today),
        load_kwh=pl.lit(None, pl.Float64),
        pv_kwh=pl.lit(None, pl.Float64),
    )
    lab.lake.write_day(SLOT_FORECASTS, SITE, lab.today, moved)


def soc(percent: float | None, hours_ago: float) -> Callable[[Lab], None]:
    """Return an injection that sets the last state of charge read and its age."""

    def inject(lab: Lab) -> None:
        until = pl.lit(lab.at - timedelta(hours=hours_ago)).dt.convert_time_zone("UTC")
        read = pl.when(pl.col("slot_start") < until).then(percent).alias("soc_end_percent")
        _days(lab, METER_READINGS, (-1, 0), lambda rows: rows.with_columns(read.cast(pl.Float64)))

    return inject


def version(change: Callable[[Path], None], *, honest: bool = True) -> Callable[[Lab], None]:
    """Return an injection that promotes a second version with a defect; with `honest` its identity is recomputed."""

    def inject(lab: Lab) -> None:
        source, target = lab.models / "v1", lab.models / "v2"
        shutil.copytree(source, target)
        change(target)
        pointer = json.loads((lab.models / "champion.json").read_text())
        if honest:
            import hashlib

            pointer["identity"] = hashlib.sha256((target / "manifest.json").read_bytes()).hexdigest()
        pointer |= {"version": 2, "path": "v2", "move": "another"}
        fresh = lab.models / "champion.new"
        fresh.write_text(json.dumps(pointer))
        fresh.replace(lab.models / "champion.json")

    return inject


def _weights(folder: Path) -> Path:
    """Return the file of a policy's trees; a policy without a correction has its manifest alone."""
    return next((path for path in folder.iterdir() if path.name != "manifest.json"), folder / "manifest.json")


def flip(folder: Path) -> None:
    """Flip a bit of the trees."""
    path = _weights(folder)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def lose(folder: Path) -> None:
    """Remove a file of the bundle."""
    _weights(folder).unlink()


def manifest(**changes: object) -> Callable[[Path], None]:
    """Return a defect that changes entries of the manifest."""

    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def no_manifest(folder: Path) -> None:
    """Write a manifest that is no JSON."""
    (folder / "manifest.json").write_text("{")


def bad_pointer(lab: Lab) -> None:
    """Write a pointer that is no JSON."""
    (lab.models / "champion.json").write_text("not a pointer")


def no_champion(lab: Lab) -> None:
    """Remove the pointer to the champion."""
    (lab.models / "champion.json").unlink()


def bad_settings(lab: Lab) -> None:
    """Break the configuration while the service runs."""
    (lab.home.folder / "darkstar.yaml").write_text("sites: {bench: {battery: [")


def impossible_settings(lab: Lab) -> None:
    """Configure an impossible battery."""
    configure(lab.home, "capacity_kwh", "-3")


FAULTS = (
    Fault("prices missing", no_prices, OLD_PLAN, "inputs"),
    Fault("tomorrow's prices late", late_prices, TOP),
    Fault("tomorrow's prices partial, 4 of 96", four_prices, TOP),
    Fault("prices NaN", nan_prices, OLD_PLAN, "inputs"),
    Fault("tomorrow's prices are today's again", yesterdays_prices, TOP),
    Fault("price file damaged", damaged(RAW_SPOT_PRICES), OLD_PLAN, "inputs"),
    Fault("readings gone, a forecast of yesterday left", no_readings, TOP | OLD_PLAN, "inputs"),
    Fault("readings twelve days old", old_readings, TOP, "inputs"),
    Fault("reading file damaged", damaged(METER_READINGS), OLD_PLAN, "inputs"),
    Fault("forecast without numbers", no_forecast, TOP, "inputs"),
    Fault("lake gone", no_lake, OLD_PLAN, "inputs"),
    Fault("state of charge stale", soc(70.0, 5.0), TOP, "inputs"),
    Fault("state of charge impossible", soc(180.0, 0.0), TOP, "inputs"),
    Fault("state of charge NaN", soc(float("nan"), 0.0), TOP, "inputs"),
    Fault("bundle with a flipped byte", version(flip), TOP, "champion"),
    Fault("bundle lacks a file", version(lose), TOP, "champion"),
    Fault("bundle of another tariff", version(manifest(tariff="another")), TOP, "champion"),
    Fault("bundle of another state", version(manifest(state="v9")), TOP, "champion"),
    Fault("bundle of another schema", version(manifest(schema_version=99)), TOP, "champion"),
    Fault("bundle that is no policy", version(manifest(kind="aurora")), TOP, "champion"),
    Fault("bundle that is not the one promoted", version(manifest(algorithm="x"), honest=False), TOP, "champion"),
    Fault("manifest damaged", version(no_manifest), TOP, "champion"),
    Fault("pointer damaged", bad_pointer, TOP, "champion"),
    Fault("no champion", no_champion, frozenset({"value"})),
    Fault("configuration broken", bad_settings, TOP, "configuration"),
    Fault("configuration impossible", impossible_settings, TOP, "configuration"),
)
