"""One home with panels and two prices over a month; the shape of `solar_home_two_price.json`.

Half hours are split evenly into quarters. The local clock stands for UTC: the published study has 48 half hours a day,
whatever the clock did.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import polars as pl
from polars.exceptions import PolarsError

from benchmarks.arena.shapes import Part, refused
from env.battery import Battery
from env.site import Limits, Site
from env.tariff import Tariff, TariffVersion
from env.time_grid import SLOT, SLOT_DTYPE
from planner.value.protocol import Protocol

NOT_CAUSAL = frozenset({"anticipative"})
MOST_DAYS, DAYS_BEFORE = 366, 10
HALF_HOURS = 48  # of a day
_READINGS = ("ts_local", "load_kwh", "pv_kwh")


@dataclass(frozen=True)
class SolarCase:
    """A month of a home, and what came before.

    Attributes:
        name: of the case.
        slots: `slot_start, local_day, load_kwh, pv_kwh, import_price, export_price` of all days on record.
        site: battery, connection and panels that may be curtailed.
        protocol: stored energy at the start.
        first: first day that is judged.
        days: number of days that are judged.
        published: cost a day of each published controller [money].
        published_end_kwh: what each of them had stored at the end, where it was published [kWh].
    """

    name: str
    slots: pl.DataFrame
    site: Site
    protocol: Protocol
    first: date
    days: int
    published: dict[str, float]
    published_end_kwh: dict[str, float]

    @property
    def judged(self) -> pl.Expr:
        """Expression over `local_day`: whether the day is judged."""
        return pl.col("local_day").is_between(self.first, self.first + timedelta(days=self.days - 1))

    @property
    def best_published(self) -> tuple[str, float] | None:
        """The published controller that is cheapest among those that do not know the future; None without any."""
        causal = [(cost, name) for name, cost in self.published.items() if name not in NOT_CAUSAL]
        return (min(causal)[1], min(causal)[0]) if causal else None


def read_solar_case(part: Part) -> SolarCase:
    """Return the case of a file; its readings lie beside it.

    Raises:
        DataRefusedError: a key is missing, a value wrong, or the readings do not hold the days; says where.
    """
    test, grid, battery = part.part("test"), part.part("grid"), part.part("battery")
    first, days = _day(test, "first_local"), int(test.number("days", least=1, most=MOST_DAYS))
    readings = _readings(part, part.number("pv_scale", least=0.0))
    day = pl.col("slot_start").dt.date()
    slots = readings.with_columns(local_day=day, import_price=_price(part), export_price=pl.lit(0.0))
    needed = {first + timedelta(days=at) for at in range(-DAYS_BEFORE, days)}
    if missing := needed - set(slots["local_day"]):
        what = f"has no readings of {min(missing)}; {DAYS_BEFORE} days before the first are needed too"
        raise refused(part.place, what, "give test days that the readings hold")
    if slots["import_price"].null_count():
        raise refused(f"{part.place}: price_per_kwh", "leaves hours without a price", "give a price for every hour")
    import_kw, capacity = grid.number("import_kw", least=0.0), battery.number("capacity_kwh", least=0.0)
    power = battery.maybe("power_kw", least=0.0)
    if power is None:  # no limit: more than the connection and the panels can bring together
        power = max(2 * import_kw, 4 * float(readings.select(pl.max_horizontal("load_kwh", "pv_kwh").max()).item()))
    charging, discharging = (
        battery.number(f"{way}_efficiency", least=1e-6, most=1.0) for way in ("charge", "discharge")
    )
    return SolarCase(
        name=part.text("home").removesuffix(".parquet"),
        slots=slots,
        site=Site(
            name="arena",
            timezone="UTC",
            currency="money",
            battery=Battery(
                capacity_kwh=capacity,
                min_soc_kwh=0.0,
                max_soc_kwh=capacity,
                charge_kw=power,
                discharge_kw=power,
                charge_efficiency=charging,
                discharge_efficiency=discharging,
            ),
            tariff=Tariff((TariffVersion(valid_from=first, vat=0.0, transfer_fee=0.0, energy_tax=0.0),)),
            limits=Limits(
                import_kw=import_kw,
                export_kw=grid.number("export_kw", least=0.0),
                curtailable=grid.flag("curtailable", default=False),
            ),
        ),
        protocol=Protocol(start_soc_kwh=battery.number("start_soc_kwh", least=0.0, most=capacity)),
        first=first,
        days=days,
        published=_figures(part, "published_eur_per_day"),
        published_end_kwh=_figures(part, "end_soc_kwh"),
    )


def _figures(part: Part, key: str) -> dict[str, float]:
    if not part.has(key):
        return {}
    figures = part.part(key)
    return {name: figures.number(name) for name in figures.values if figures.has(name)}


def _day(part: Part, key: str) -> date:
    try:
        return datetime.fromisoformat(part.text(key)).date()
    except ValueError as error:
        raise refused(f"{part.place}: {key}", str(error), "write it as 2011-11-29T00:00") from error


def _readings(part: Part, pv_scale: float) -> pl.DataFrame:
    """Return the readings in quarters of an hour, `slot_start, load_kwh, pv_kwh` [kWh]."""
    path = part.folder / part.text("home")
    place = f"{part.place}: home"
    try:
        table = pl.read_parquet(path, columns=list(_READINGS))
    except (OSError, PolarsError) as error:
        what = f"{path} cannot be read ({type(error).__name__})"
        raise refused(place, what, f"put a Parquet file with {', '.join(_READINGS)} beside the cases") from error
    starts = table["ts_local"].cast(pl.Datetime("us")).sort()
    if table.null_count().sum_horizontal().item() or not _whole_days(starts):
        raise refused(place, f"{path} does not hold whole days of 48 half hours in a row", "give every half hour once")
    half = table.select(
        slot_start=pl.col("ts_local").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").cast(SLOT_DTYPE),
        load_kwh=pl.col("load_kwh").cast(pl.Float64) / 2,
        pv_kwh=pl.col("pv_kwh").cast(pl.Float64) / 2 * pv_scale,
    )
    later = half.with_columns(pl.col("slot_start") + SLOT)
    return pl.concat([half, later]).sort("slot_start")


def _whole_days(starts: pl.Series) -> bool:
    """Return whether half hours follow each other from one midnight to another."""
    if starts.is_empty() or len(starts) % HALF_HOURS or starts[0].time() != time(0):
        return False
    return bool((starts.diff().drop_nulls() == timedelta(minutes=30)).all())


def _price(part: Part) -> pl.Expr:
    """Return the price of each slot by its local clock; the first window that holds it counts."""
    clock = pl.col("slot_start").dt.hour().cast(pl.Int32) * 60 + pl.col("slot_start").dt.minute().cast(pl.Int32)
    price: pl.Expr = pl.lit(None, dtype=pl.Float64)
    for window in reversed(part.parts("price_per_kwh")):
        inside = (clock >= _minutes(window, "from_local")) & (clock < _minutes(window, "to_local"))
        price = pl.when(inside).then(pl.lit(window.number("price"))).otherwise(price)
    return price


def _minutes(part: Part, key: str) -> int:
    hours, _, minutes = part.text(key).partition(":")
    if not (hours.isdecimal() and minutes.isdecimal()):
        raise refused(f"{part.place}: {key}", f"expected a clock time, got {part.text(key)!r}", "write it as 06:00")
    return int(hours) * 60 + int(minutes)
