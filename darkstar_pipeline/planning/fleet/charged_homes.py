"""Plans of homes that pay for power: one by one, since each carries its own month's peaks through its plan.

They cost some twenty times as much as those that are planned together (docs/scaling.md has the figures).
"""

import numpy as np
import polars as pl

from darkstar_pipeline.datasets.month_before import metered_imports
from darkstar_pipeline.planning.fleet.homes_inputs import HomesInputs, HomesRows
from darkstar_pipeline.planning.fleet.priced_homes import PricedHomes
from darkstar_pipeline.warehouse.schemas import METER_READINGS
from env.power_tariff import month_state
from planner.fleet.homes_ahead import HomesAhead
from planner.fleet.value_plans import HomesPlans
from planner.plans.fallback_chain import VALUE, FallbackResult, PlanSource, first_usable_plan
from planner.plans.policy_plans import RollingState, value_schedule
from planner.plans.task import PlanTask
from planner.policies.window import Window
from planner.value.end_of_prices import SETTLEMENT

_COLUMNS = (
    "slot_start", "import_price", "export_price", "load_kwh", "pv_kwh", "charge_kw", "discharge_kw", "export_kw",
    "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh", "curtailed_kwh", "soc_start_kwh", "soc_end_kwh", "cost",
    "reason",
)  # fmt: skip
_EXPECTED = ("load", "pv")


def plan_charged(rows: HomesRows, inputs: HomesInputs, group: PricedHomes, homes: HomesAhead) -> HomesPlans:
    """Return the plans of homes that pay for power, made as a single home's.

    Args:
        rows: the tables of the homes, which the month's imports are read from.
        inputs: of the homes that are planned together.
        group: the homes.
        homes: the same as they would be planned together.
    """
    today = inputs.moment.today
    month = rows.read(METER_READINGS, today.replace(day=1), today)
    own = month.filter(pl.col("site").is_in(list(homes.names))).partition_by("site", as_dict=True)
    made = [
        _plan(inputs, group, homes, index, own.get((name,), month.clear())) for index, name in enumerate(homes.names)
    ]
    table = [
        {
            "home": index,
            "released": each.plan.released,
            "cost": each.plan.cost,
            "idle_cost": each.plan.idle_cost,
            "self_consumption_cost": each.plan.self_consumption_cost,
            "verified": each.plan.verification.valid,
            "violation": next((wrong.message for wrong in each.plan.verification.violations), ""),
        }
        for index, each in enumerate(made)
    ]
    schedules = [
        each.plan.schedule.select(*_COLUMNS).with_columns(home=pl.lit(index, pl.Int32))
        for index, each in enumerate(made)
    ]
    return HomesPlans(pl.concat(schedules), pl.DataFrame(table, schema_overrides={"home": pl.Int32}))


def _plan(
    inputs: HomesInputs, group: PricedHomes, homes: HomesAhead, index: int, month: pl.DataFrame
) -> FallbackResult:
    moment, own, end = inputs.moment, group.classes[index], homes.ends[index]
    site = own.named(homes.names[index])
    imported = metered_imports(month)
    known = imported.with_columns(pl.col("import_kwh").fill_null(0.0))
    states = tuple(
        month_state(known, component, site.timezone, moment.start) for component in site.tariff.charges_of(moment.today)
    )
    slots = _window_slots(inputs, group, index)
    past = slots.filter(pl.col("slot_start") < moment.start).select("slot_start")
    metered = past.join(imported, on="slot_start", how="left", maintain_order="left")["import_kwh"]
    window = Window(
        slots,
        site,
        own.protocol,
        _history(inputs, group.homes[index]),
        last_value=None if end.basis == SETTLEMENT else homes.end_values[index],
        month=states,
        import_kwh=tuple(metered.fill_null(float("nan")).to_list()),
    )
    rolling = RollingState(
        window=window,
        started_slot=group.opened - moment.midnight,
        current_slot=moment.current - moment.midnight,
    )
    targets = homes.targets_ahead
    task = PlanTask(
        slots=homes.slots.filter(pl.col("home") == index).drop("home"),
        site=site,
        start_soc_kwh=float(homes.start_soc_kwh[index]),
        end=end,
        month=states,
        targets=None if targets is None else targets.homes(slice(index, index + 1)),
    )
    return first_usable_plan(task, [PlanSource(VALUE, lambda task: value_schedule(task, rolling))])


def _window_slots(inputs: HomesInputs, group: PricedHomes, index: int) -> pl.DataFrame:
    """Return today's slots and those ahead, as a policy's window has them."""
    moment, home = inputs.moment, group.homes[index]
    span = slice(moment.midnight, group.end)
    columns: dict[str, pl.Series] = {}
    for name, read, ahead in zip(
        _EXPECTED, (inputs.load_read, inputs.pv_read), (inputs.load_ahead, inputs.pv_ahead), strict=True
    ):
        expected = np.nan_to_num(ahead[home, : span.stop - span.start])
        known = read[home, span]
        over, seen = moment.current - span.start, expected.copy()
        seen[:over] = np.where(np.isfinite(known[:over]), known[:over], expected[:over])
        columns[f"{name}_kwh"] = pl.Series(seen)
        columns |= {f"{name}_{kind}": pl.Series(expected) for kind in ("forecast", "tomorrow")}
    prices = {"import_price": group.import_price[index, span], "export_price": group.export_price[index, span]}
    calendar = moment.slots.slice(span.start, span.stop - span.start).select("slot_start", "local_day")
    return calendar.with_columns(**{name: pl.Series(price) for name, price in prices.items()}, **columns)


def _history(inputs: HomesInputs, home: int) -> pl.DataFrame:
    """Return the usable readings of the days before today."""
    moment = inputs.moment
    load, pv = inputs.load_read[home, : moment.midnight], inputs.pv_read[home, : moment.midnight]
    return moment.slots.head(moment.midnight).select(
        "slot_start", load_kwh=pl.Series(load).fill_nan(None), pv_kwh=pl.Series(pv).fill_nan(None)
    )
