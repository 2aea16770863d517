"""The value of stored energy where a day's highest import is charged: the day's peak so far is a second state.

    J_t(s, soc, m) = min over actions [ cost of the slot in s + E J_t+1(s', soc', max(m, power of the action)) ]

and at the end of each day the charge of its peak m is paid. Peaks are a grid of caps from the level to the highest that
the house can reach by itself. In the row of a cap the import up to it is free, and every kW above it costs the full
rate; as a cap may be raised at any time, J at m is the least over all caps from m on. Both bound J from above and meet
it on the grid, and the rows are scenarios of one more kind, so that `planner.value.actions` takes the step for all of
them. A slot counts as its period's power, less what the house differs from the period's mean.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from env.inverter import Energy
from env.site import Site
from env.types import Index, Integers
from planner.byhand.commands import HandCommands
from planner.deadline import check_deadline
from planner.value.actions import along, grid_step, homes, interpolated
from planner.value.actions_by_hand import actions_of
from planner.value.day_peak import DayPeak
from planner.value.scenarios import Scenarios
from planner.value.slot_prices import ENDLESS_KW, SlotPrices
from planner.value.value_function import PERSISTENCE, SlotPenalty, in_order, soc_grid
from planner.value.world import World, slots_first

MOST_CAPS = 12
LEAST_STEP_KW = 0.5
PEAK_POINTS = 31  # of stored energy
CHUNK = 16  # homes worked on together


@dataclass(frozen=True)
class PeakValueFunction:
    """The value of stored energy with a day's peak so far.

    Attributes:
        soc_kwh: grid of stored energy, evenly spaced `(n_soc,)` [kWh].
        caps_kw: grid of the day's peak, evenly spaced from the level on; the last of a home that has fewer than others
            is repeated `(n_homes, n_caps)` [kW].
        own_caps: number of caps of each home `(n_homes,)`.
        rate: of a kW above the highest cap [money/kW].
        value: minus the expected cost from each slot's start to the end
            `(n_homes, n_scenarios, n_slots + 1, n_caps, n_soc)` [money].
    """

    soc_kwh: Energy
    caps_kw: Energy
    own_caps: Integers
    rate: float
    value: Energy

    def expected(self, slot: int, weights: Energy) -> Energy:
        """Return the value at a slot's start, scenarios weighted `(n_homes, n_caps, n_soc)` [money]."""
        n_homes, n_scenarios = weights.shape
        parts = weights[..., None] * self.value[:, :, slot].reshape(n_homes, n_scenarios, -1)
        return in_order(parts).reshape(n_homes, *self.value.shape[3:])

    def at_peak(self, expected: Energy, peak_kw: Energy) -> Energy:
        """Return the value on the grid of stored energy with a peak of each home `(n_homes, n_soc)` [money]."""
        soc = np.tile(self.soc_kwh, (len(expected), 1))
        return self.left(expected, peak_kw[:, None] + 0 * soc, soc)

    def left(self, expected: Energy, peak_kw: Energy, soc_kwh: Energy) -> Energy:
        """Return the value of stored energy with a peak, both `(n_homes, ...)` [money].

        Args:
            expected: as `expected` returns it.
            peak_kw: the day's peak [kW].
            soc_kwh: stored energy, which may lie outside the grid [kWh].
        """
        n_caps, n_soc = expected.shape[1:]
        first, last = along(self.caps_kw[:, 0], peak_kw), along(self.caps_kw[:, -1], peak_kw)
        most: Energy = self.own_caps.astype(np.float64) - 1
        steps_of_caps = along(most, peak_kw)
        place = np.clip((peak_kw - first) / (last - first) * steps_of_caps, 0.0, steps_of_caps)
        cap: Index = np.minimum(place, steps_of_caps - 1).astype(np.intp)
        steps = (soc_kwh - self.soc_kwh[0]) / grid_step(self.soc_kwh)
        low: Index = np.clip(np.floor(steps), 0, n_soc - 2).astype(np.intp)
        flat = expected.reshape(-1)
        at = (homes(cap) * n_caps + cap) * n_soc + low
        # Beyond the grid on with the slope of its outermost step, as `value_function.extended`.
        within = steps - low
        lower: Energy = (1 - within) * flat[at] + within * flat[at + 1]
        higher: Energy = (1 - within) * flat[at + n_soc] + within * flat[at + n_soc + 1]
        return lower + (place - cap) * (higher - lower) - self.rate * np.maximum(peak_kw - last, 0.0)


@dataclass(frozen=True)
class _Caps:
    """The charge of imports in the rows of scenarios and caps, as `planner.value.actions.PowerCost`.

    Attributes:
        free_kwh: import that is free, in a slot of a row `(n_homes, n_rows, n_slots, 1)` [kWh].
        rates: of more `(n_slots,)` [money/kWh].
        others: the other components.
    """

    free_kwh: Energy
    rates: Energy
    others: SlotPrices

    @property
    def price(self) -> Energy:
        """See `PowerCost`."""
        return np.concatenate([self.others.price, self.rates[None]])

    @property
    def free_of_all(self) -> Energy:
        """See `PowerCost`."""
        return np.minimum(self.free_kwh, self.others.free_of_all)

    def cost_of_slots(self, import_kwh: Energy) -> Energy:
        """See `PowerCost`."""
        own = self.rates[:, None] * np.maximum(import_kwh - self.free_kwh, 0.0)
        return own + self.others.cost_of_slots(import_kwh)


def peak_value_function(  # noqa: PLR0913 - as `value_function`, and the component
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Site,
    end_value: Energy,
    peak: DayPeak,
    others: SlotPrices,
    persistence: float = PERSISTENCE,
    targets: SlotPenalty | None = None,
    by_hand: HandCommands | None = None,
) -> PeakValueFunction:
    """Calculate the value of stored energy and the day's peak at the start of every slot.

    Args:
        scenarios: load and PV.
        import_price: `(n_homes, n_slots)` [money/kWh].
        export_price: `(n_homes, n_slots)` [money/kWh].
        site: battery and limits.
        end_value: value of stored energy at the end, on a grid of any number of points `(n_homes, n_soc)` [money].
        peak: the component whose day is charged once.
        others: the other components of the demand charge.
        persistence: chance that a scenario goes on in the next slot, 0-1.
        targets: price of what each slot ends with; None for none.
        by_hand: commands that people have set; None for none.
    """
    question = _Question(
        scenarios, import_price, export_price, site, end_value, peak, others, persistence, targets, by_hand
    )
    return _value_at_starts(question, scenarios.load_kwh.shape[2] + 1)


def peak_value_at_start(
    scenarios: Scenarios,
    import_price: Energy,
    export_price: Energy,
    *,
    site: Site,
    end_value: Energy,
    peak: DayPeak,
    others: SlotPrices,
) -> PeakValueFunction:
    """Calculate the value at the first slot's start alone: of many days, without the memory of all their slots.

    The rest as in `peak_value_function`.
    """
    question = _Question(scenarios, import_price, export_price, site, end_value, peak, others, PERSISTENCE, None, None)
    return _value_at_starts(question, 1)


class _Question(NamedTuple):
    """The arguments of `peak_value_function`."""

    scenarios: Scenarios
    import_price: Energy
    export_price: Energy
    site: Site
    end_value: Energy
    peak: DayPeak
    others: SlotPrices
    persistence: float
    targets: SlotPenalty | None
    by_hand: HandCommands | None


def _value_at_starts(question: _Question, n_starts: int) -> PeakValueFunction:
    """Return the value at the first so many slots' starts."""
    scenarios, peak = question.scenarios, question.peak
    caps, own_caps = _caps(scenarios, peak)
    value = np.empty((*scenarios.load_kwh.shape[:2], n_starts, caps.shape[1], PEAK_POINTS))
    for part in _chunks(len(caps)):
        for slot, worth in _backward(question, caps, part):
            if slot < n_starts:
                value[part, :, slot] = worth
    return PeakValueFunction(soc_grid(question.site.battery, PEAK_POINTS), caps, own_caps, peak.rate, value)


def _chunks(n_homes: int) -> list[slice]:
    """Return the homes that are worked on together."""
    return [slice(first, first + CHUNK) for first in range(0, n_homes, CHUNK)]


def _backward(question: _Question, caps: Energy, part: slice) -> Iterator[tuple[int, Energy]]:
    """Yield the slots from the end on with their value, of some homes `(n_homes, n_scenarios, n_caps, n_soc)`."""
    site, peak, targets, persistence = question.site, question.peak, question.targets, question.persistence
    grid, own, ends = soc_grid(site.battery, PEAK_POINTS), question.scenarios.part(part), question.end_value[part]
    n_homes, n_scenarios, n_slots = own.load_kwh.shape
    n_caps = caps.shape[1]
    ends = interpolated(soc_grid(site.battery, ends.shape[1]), ends, np.tile(grid, (n_homes, 1)))
    charge = peak.rate * (caps[part] - caps[part, :1])[:, None, :, None]
    row_charge = _row_charge(own, caps[part], peak, question.others.of_homes(part))
    world = World(own, question.import_price[part], question.export_price[part], site, power=row_charge, rows=n_caps)
    actions = actions_of(world, grid, question.by_hand)
    later = np.broadcast_to(ends[:, None, None] - charge, (n_homes, n_scenarios, n_caps, PEAK_POINTS))
    yield n_slots, later
    for slot in reversed(range(n_slots)):
        check_deadline()
        if slot + 1 < n_slots and peak.day[slot + 1] != peak.day[slot]:
            later = later[:, :, :1] - charge
        mixed = persistence * later + _other(later, own, 1 - persistence)
        if targets is not None:
            mixed = mixed - targets.penalty_on(grid, slot, part)[:, None, None]
        best = actions.step_back(slot, mixed.reshape(n_homes, -1, PEAK_POINTS)).reshape(mixed.shape)
        for cap in reversed(range(n_caps - 1)):  # a cap may be raised at any time
            np.maximum(best[:, :, cap], best[:, :, cap + 1], out=best[:, :, cap])
        later = best
        yield slot, later


def _caps(scenarios: Scenarios, peak: DayPeak) -> tuple[Energy, Integers]:
    """Return the caps of each home `(n_homes, n_caps)`, the last repeated [kW], and how many are its own."""
    means = peak.period_means(scenarios.load_kwh - scenarios.pv_kwh)
    reached = (means * peak.members * peak.kw_per_kwh).max(axis=(1, 2))
    level = np.broadcast_to(peak.level_kw, reached.shape)
    range_kw = np.maximum(reached - level, LEAST_STEP_KW)
    own: Integers = np.clip(np.ceil(range_kw / LEAST_STEP_KW) + 1, 2, MOST_CAPS).astype(np.int64)
    caps = np.empty((len(own), int(own.max())))
    for count in np.unique(own):
        alike = own == count
        caps[alike, :count] = level[alike, None] + range_kw[alike, None] * np.linspace(0.0, 1.0, count)
        caps[alike, count:] = caps[alike, count - 1, None]
    return caps, own


def _row_charge(scenarios: Scenarios, caps: Energy, peak: DayPeak, others: SlotPrices) -> _Caps:
    """Return the charge in rows of scenarios and caps."""
    net = scenarios.load_kwh - scenarios.pv_kwh
    kw = peak.kw_per_kwh * peak.members  # of a slot's import, if its period imports evenly
    even = np.divide(caps[:, :, None], kw, out=np.full((*caps.shape, len(kw)), ENDLESS_KW), where=kw > 0)
    free = even[:, None] + (net - peak.period_means(net))[:, :, None]
    rows = (len(caps), -1, len(kw), 1)
    return _Caps(slots_first(np.maximum(free, 0.0).reshape(rows)), peak.rate * kw, others)


def _other(later: Energy, scenarios: Scenarios, chance: float) -> Energy:
    """Value of going on as any scenario, times the chance of that `(n_homes, 1, n_caps, n_soc)`."""
    n_homes, n_scenarios = later.shape[:2]
    weights = np.full((n_homes, n_scenarios), 1 / n_scenarios) if scenarios.prior is None else scenarios.prior
    return chance * in_order(weights[:, :, None, None] * later)[:, None]
