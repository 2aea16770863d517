"""A grid of battery sizes and panels on the days of a site, each replayed as a site that is configured so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl

from darkstar_pipeline.config.battery import BatterySettings
from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import ReplayInputs, protocol_of
from darkstar_pipeline.errors import ConfigurationError, DataMissingError
from darkstar_pipeline.evaluation.policy_replays import policy_inputs, range_protocol
from darkstar_pipeline.evaluation.range_verdict import usable_days
from darkstar_pipeline.warehouse.schemas import DATA_QUALITY_DAILY
from darkstar_pipeline.whatif.begun_month import begun_month
from darkstar_pipeline.whatif.changed_context import WhatIf, what_if
from darkstar_pipeline.whatif.changes import Changes
from darkstar_pipeline.whatif.settings_changes import changed_settings
from env.site import Site
from planner.parallel import Progress, map_shards
from planner.policy_names import POLICIES
from planner.value.protocol import Protocol
from planner.value.scenario_source import Past
from planner.whatif.figures import IDLE, figures_of
from planner.whatif.size_replays import size_results
from planner.whatif.sizing import YEAR_DAYS, Costs, Size, SizeResult, size_result, year_factor

MOST_SIZES = 200
ALONE = 6
"""So few sizes are replayed in this process: another takes a second to start."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """The sizes to be tried.

    Attributes:
        capacities_kwh: of the battery [kWh].
        powers_kw: of the battery, both ways [kW].
        pv_scales: factors of the PV that was read.
        policy: the one that runs the battery.
        costs: prices; None for none.
        panels_kwp: panels of the home as it is; needed where panels have a price [kWp].
        scaled: whether the days are taken for a whole year.
    """

    capacities_kwh: Sequence[float]
    powers_kw: Sequence[float]
    pv_scales: Sequence[float] = (1.0,)
    policy: str = "value"
    costs: Costs | None = None
    panels_kwp: float | None = None
    scaled: bool = False


@dataclass(frozen=True, kw_only=True)
class SizeGrid:
    """The answer.

    Attributes:
        case: the site, and what it would be besides the sizes.
        results: a size each, by PV, capacity and power.
        days: that every size was replayed on.
        left_out: `day, reasons` of the others.
        idle_cost: what the house costs without a battery, panels as they are [money].
        year_factor: from these days to a year; None where they are not one.
        assumptions: what is taken of the month in which the span begins late, a sentence each.
    """

    case: WhatIf
    results: list[SizeResult]
    days: list[date]
    left_out: pl.DataFrame
    idle_cost: float
    year_factor: float | None
    assumptions: list[str]


def size_grid(
    context: Context,
    changes: Changes,
    question: Question,
    first: date,
    last: date,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SizeGrid:
    """Return what each size would have saved on the usable days of a span.

    Args:
        context: the site; it is left as it is.
        changes: of tariff, house and everything else but the sizes.
        question: the sizes.
        first: first local day.
        last: last local day, included.
        workers: processes at most; None for one per core.
        progress: told after every part of the grid.

    Raises:
        ConfigurationError: a size cannot be, or there are too many, or the policy is none that can be replayed here.
        DataMissingError: no day of the span is usable.
    """
    check_question(question)
    sizes = _sizes(question)
    scales = list(dict.fromkeys((1.0, *question.pv_scales)))
    cases = {scale: _with_panels(context, changes, scale) for scale in scales}
    houses = {scale: case.changed for scale, case in cases.items()}
    days, left_out = usable_days(houses[1.0], first, last)
    idle = {scale: _idle_cost(house, days) for scale, house in houses.items()}
    factor = year_factor((last - first).days + 1, len(days), scaled=question.scaled)
    results: list[SizeResult] = []
    asked = list(dict.fromkeys(question.pv_scales))
    for number, scale in enumerate(asked):
        own = [size for size in sizes if size.pv_scale == scale]
        homes = [_home(houses[scale], size, days) for size in own]
        part = None if progress is None else partial(_told, progress, number, len(asked))
        frames = _replayed(houses[scale], question.policy, days, homes, workers=workers, progress=part)
        for size, (site, _), frame in zip(own, homes, frames, strict=True):
            results.append(
                size_result(
                    size,
                    figures_of(frame, site.battery, [question.policy])[question.policy],
                    from_panels=idle[1.0] - idle[scale],
                    factor=factor,
                    costs=question.costs,
                    panels_kwp=question.panels_kwp or 0.0,
                )
            )
    return SizeGrid(
        case=cases[1.0],
        results=results,
        days=days,
        left_out=left_out,
        idle_cost=idle[1.0],
        year_factor=factor,
        assumptions=begun_month(houses[1.0], days[0]),
    )


def _told(progress: Progress, number: int, of: int, done: int, total: int) -> None:
    """Tell the progress of the whole grid at that of the panels of a number."""
    progress(number * total + done, of * total)


def _sizes(question: Question) -> list[Size]:
    """Return the grid's sizes by PV, capacity and power."""
    return [
        Size(capacity_kwh=capacity, power_kw=power, pv_scale=scale)
        for scale in dict.fromkeys(question.pv_scales)
        for capacity in dict.fromkeys(question.capacities_kwh)
        for power in dict.fromkeys(question.powers_kw)
    ]


def span_of(context: Context, first: date | None, last: date | None) -> tuple[date, date]:
    """Return the days that were named; else the last year of graded ones.

    Raises:
        ConfigurationError: the first day is after the last.
        DataMissingError: no day is graded.
    """
    days = context.lake.days(DATA_QUALITY_DAILY, context.site_name) if first is None or last is None else []
    if not days and (first is None or last is None):
        raise DataMissingError(
            f"no day is materialised for site {context.site_name}", "run `darkstar backfill`, or give --load FILE"
        )
    end = last or days[-1]
    start = first or max(days[0], end - timedelta(days=YEAR_DAYS - 1))
    if start > end:
        raise ConfigurationError(f"the first day, {start}, is after the last, {end}", "name an earlier first day")
    return start, end


def check_question(question: Question) -> None:
    """Refuse a question that has no answer here.

    Raises:
        ConfigurationError: it is one.
    """
    if question.policy not in POLICIES or question.policy == IDLE:
        others = ", ".join(policy for policy in POLICIES if policy != IDLE)
        raise ConfigurationError(f"policy {question.policy!r} cannot size a battery", f"choose from {others}")
    n_sizes = len(_sizes(question))
    if not 0 < n_sizes <= MOST_SIZES:
        raise ConfigurationError(f"{n_sizes} sizes are too many or none", f"ask for at most {MOST_SIZES}")
    for what, unit, numbers in (
        ("capacity", "kWh", question.capacities_kwh),
        ("power", "kW", question.powers_kw),
    ):
        if none := [number for number in numbers if number <= 0]:
            raise ConfigurationError(
                f"a {what} of {none[0]:g} {unit} is no battery",
                "leave it out: every saving is against the house without a battery",
            )
    if question.costs is not None and question.costs.per_kwp and not question.panels_kwp:
        raise ConfigurationError(
            "panels have a price, and how many there are is not known",
            "give panels_kwp (--pv-kwp), or set forecast.panels_kw",
        )


def _with_panels(context: Context, changes: Changes, scale: float) -> WhatIf:
    """Return the changed site with so many times the panels."""
    house = replace(changes.house, pv_scale=changes.house.pv_scale * scale)
    return what_if(context, replace(changes, house=house))


def _home(house: Context, size: Size, days: Sequence[date]) -> tuple[Site, Protocol]:
    """Return the home with a battery of a size, and how its days begin and are settled."""
    changes: dict[str, Any] = {
        "battery.capacity_kwh": size.capacity_kwh,
        "battery.charge_kw": size.power_kw,
        "battery.discharge_kw": size.power_kw,
        **_tapers(house.site_settings.battery, size.power_kw),
    }
    settings = changed_settings(house.site_settings, house.site_name, changes)
    sized = settings.site(house.site_name)
    # The tariff is the house's own: relaxed bounds of export are not among the settings.
    site = replace(sized, tariff=house.site.tariff)
    before = range_protocol(house, days).month_before
    own = protocol_of(settings, site.battery)
    return site, replace(own, month_before=before)


def _idle_cost(house: Context, days: Sequence[date]) -> float:
    """Return what the days cost without a battery [money]."""
    inputs, past = policy_inputs(house, IDLE, days)
    protocol = range_protocol(house, days)
    [frame] = size_results(IDLE, inputs.slots, inputs.forecasts, [(house.site, protocol)], past)
    return figures_of(frame, house.site.battery, [IDLE])[IDLE].cost


def _replayed(
    house: Context,
    policy: str,
    days: Sequence[date],
    homes: Sequence[tuple[Site, Protocol]],
    *,
    workers: int | None,
    progress: Progress | None,
) -> list[pl.DataFrame]:
    """Return daily results of a policy and of idle for each home."""
    inputs, past = policy_inputs(house, policy, days)
    if inputs.slots.is_empty():
        raise DataMissingError("no slot of these days has a price and readings", "`darkstar quality` says why")
    cuts = 1 if len(homes) < ALONE else min(len(homes), 8)
    shards = [homes[cut::cuts] for cut in range(cuts)]
    parts = map_shards(partial(_shard, policy, inputs, past), shards, workers=workers, progress=progress)
    found: list[pl.DataFrame] = [pl.DataFrame()] * len(homes)
    for cut, frames in enumerate(parts):
        found[cut::cuts] = frames
    return found


def _shard(policy: str, inputs: ReplayInputs, past: Past, homes: Sequence[tuple[Site, Protocol]]) -> list[pl.DataFrame]:
    """Return daily results of a policy and of idle for some homes."""
    frames = size_results(policy, inputs.slots, inputs.forecasts, homes, past)
    lossless = all(site.battery.retention_per_hour == 1 for site, _ in homes)  # at rest all cost the same then
    resting = size_results(IDLE, inputs.slots, inputs.forecasts, homes[:1] if lossless else homes, past)
    idle = resting * len(homes) if lossless else resting
    return [pl.concat(pair) for pair in zip(frames, idle, strict=True)]


def _tapers(battery: BatterySettings, power_kw: float) -> dict[str, Any]:
    """Return the tapers of a battery of another power: at the same levels, the same parts of it."""
    powers = {
        "charge_taper": (battery.charge_taper, battery.charge_kw),
        "discharge_taper": (battery.discharge_taper, battery.discharge_kw),
    }
    return {
        f"battery.{name}": [[level, kw * power_kw / now] for level, kw in taper]
        for name, (taper, now) in powers.items()
        if taper and now > 0
    }
