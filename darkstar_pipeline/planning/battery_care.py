"""The reserve and care of a plan: by the calendar, by what is asked for now, and the next full charge in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from darkstar_pipeline.planning.memo import Memo
from darkstar_pipeline.planning.planning_data import PlanningData
from darkstar_pipeline.planning.price_ends import past_days
from env.battery import Battery
from env.care import ReserveError, check_reserve
from env.inverter import Energy
from env.simulator import World
from env.site import Site
from env.time_grid import SLOT, zone
from planner.care.soc_targets import SocTargets, full_percent, is_full, soc_targets
from planner.policies.full_charges import latest_slot
from planner.policies.window import Window
from planner.value.full_charge import PAST_DAYS, Span, past_full_charge_prices, placed_full_charge
from planner.wording.messages import joined, phrase
from planner.wording.values import weekday

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class TimedReserve:
    """A reserve that is asked for now, by a person, a switch or a warning.

    Attributes:
        percent: share of the capacity above the minimum [%].
        cause: who asks for it, in words.
        since: its begin; None for the plan's.
        until: its end; None for the whole plan.
    """

    percent: float
    cause: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FullChargeStatus:
    """The state of the periodic full charge.

    Attributes:
        last: when the battery was read full last; None where it was not within the wished days.
        deadline: instant by which it should be full again.
        placed: instant at which the plan has it full; None where a later day is expected to cost less.
        late: whether the deadline has passed or cannot be kept.
    """

    last: datetime | None
    deadline: datetime
    placed: datetime | None
    late: bool


@dataclass(frozen=True, kw_only=True)
class BatteryCare:
    """The reserve and care of a plan's window.

    Attributes:
        targets: of all its slots; None for none.
        full_charge: state of the periodic full charge; None where none is wished for, or nothing is known of it.
        note: what a person should know of it; empty for nothing.
        reserves: what is asked for now, beside the calendar.
    """

    targets: SocTargets | None = None
    full_charge: FullChargeStatus | None = None
    note: str = ""
    reserves: tuple[TimedReserve, ...] = ()


NO_BATTERY_CARE = BatteryCare()


def battery_care(
    data: PlanningData,
    window: Window,
    soc_kwh: float,
    *,
    first: int,
    end_value: Energy,
    reserves: Sequence[TimedReserve] = (),
    memo: Memo,
) -> BatteryCare:
    """Return the reserve and care of a plan.

    Args:
        data: the rows of the lake.
        window: today and the slots ahead.
        soc_kwh: stored energy at the plan's start [kWh].
        first: first slot of the plan in the window.
        end_value: value of stored energy at the end, on `soc_grid` `(n_soc,)` [money].
        reserves: reserves that are asked for now, beside the calendar's.
        memo: results of earlier calls that may still hold.
    """
    site = window.site
    if not site.care.wanted and not reserves:
        return NO_BATTERY_CARE
    floor = np.maximum(window.floor_kwh, asked_kwh(reserves, window.slots["slot_start"], site))
    targets = soc_targets(site, floor[None], window.world.import_price, window.world.export_price)
    kept, cut = tuple(reserves), _cut_short(reserves, site.battery)
    if site.care.full_charge_days is None:
        return BatteryCare(targets=targets, note=cut, reserves=kept)
    if data.soc_readings["soc_end_percent"].count() == 0:
        note = phrase("no state of charge was read, so that full charges cannot be counted and none is planned")
        return BatteryCare(targets=targets, note=_together(note, cut), reserves=kept)
    status, placed = _full_charge(data, window, targets, soc_kwh, first=first, end_value=end_value, memo=memo)
    if placed is not None:
        targets = targets.full_at(first + placed, site.battery.max_soc_kwh)
    note = _together(_note(status, site.timezone), cut)
    return BatteryCare(targets=targets, full_charge=status, note=note, reserves=kept)


def _together(*notes: str) -> str:
    """Return notes as one, those that say something."""
    said = [note for note in notes if note]
    return joined("; ", said) if said else ""


def _cut_short(reserves: Sequence[TimedReserve], battery: Battery) -> str:
    """Return that reserves are more than the battery holds now: settings may have changed since they were asked for."""
    for each in reserves:
        try:
            check_reserve(each.percent, battery)
        except ReserveError as error:
            return phrase("{error}; all that there is is kept", error=str(error))
    return ""


def asked_kwh(reserves: Sequence[TimedReserve], starts: pl.Series, site: Site) -> Energy:
    """Return the stored energy that is asked for now in each slot, the minimum included `(n_slots,)` [kWh]."""
    battery = site.battery
    kept = np.full(len(starts), battery.min_soc_kwh)
    for each in reserves:
        wanted = min(battery.min_soc_kwh + battery.stored_kwh(each.percent), battery.max_soc_kwh)
        inside = np.ones(len(starts), dtype=np.bool_)
        if each.since is not None:
            inside &= (starts + SLOT > each.since.astimezone(UTC)).to_numpy()
        if each.until is not None:
            inside &= (starts < each.until.astimezone(UTC)).to_numpy()
        kept = np.where(inside, np.maximum(kept, wanted), kept)
    return kept


def _full_charge(
    data: PlanningData,
    window: Window,
    targets: SocTargets,
    soc_kwh: float,
    *,
    first: int,
    end_value: Energy,
    memo: Memo,
) -> tuple[FullChargeStatus, int | None]:
    """Return the state of the full charge, and its slot from the plan's first on."""
    site, days = window.site, window.site.care.full_charge_days
    within = timedelta(days=0 if days is None else days)
    starts = window.slots["slot_start"][first:].to_list()
    last = data.start if is_full(site.battery, soc_kwh) else _last_full(data.soc_readings, site)
    deadline = data.start if last is None else last + within
    if starts[-1] < deadline - within / 2:  # so early a full charge may still come by itself
        return FullChargeStatus(last=last, deadline=deadline, placed=None, late=False), None
    world = World(*(table[:, first:] for table in vars(window.world).values()))
    placed = placed_full_charge(
        site,
        Span(
            world=world,
            end_value=end_value[None],
            soc_kwh=np.array([soc_kwh]),
            targets=targets.slots(first),
        ),
        latest=latest_slot(starts, deadline),
        days_left=max((deadline - starts[-1]) // ONE_DAY, 1),
        past_prices=memo.get(
            "prices of a full charge",
            (data.past, data.market),
            lambda: past_full_charge_prices(
                past_days(data.past.history, data.market.recent, site)[-PAST_DAYS:], site, window.protocol
            ),
        ),
    )
    at = None if placed is None else starts[placed.slot] + SLOT
    late = deadline <= data.start or (at is not None and at > deadline)
    return FullChargeStatus(last=last, deadline=deadline, placed=at, late=late), None if placed is None else placed.slot


def _last_full(readings: pl.DataFrame, site: Site) -> datetime | None:
    """Return when the battery was read full last; None where it was not."""
    full = readings.filter(pl.col("soc_end_percent") >= full_percent(site.battery))
    latest = full["slot_start"].max()
    return latest + SLOT if isinstance(latest, datetime) else None


def _note(status: FullChargeStatus, timezone: str) -> str:
    """Return what a person should know of the full charge."""
    if not status.late:
        return ""
    parts: list[str] = [phrase("the full charge is late")]
    local = zone(timezone)
    if status.last is not None:
        since = f"{status.last.astimezone(local):%Y-%m-%d %H:%M}"
        parts = [phrase("the full charge is late (last {time})", time=since)]
    if status.placed is not None:
        placed = status.placed.astimezone(local)
        when = joined(" ", [weekday(placed), f"{placed:%H:%M}"])
        parts.append(phrase("it is planned for {time}", time=when))
    return joined("; ", parts)
