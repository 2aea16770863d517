"""A planner for a home with few prices: how much to have bought by the end of each price, over past days alike.

Within a span of one price, energy is best stored from the sun and used as the house needs it; what is to be decided is
the level that is bought up to before the price changes. A backward recursion over the day's spans chooses it, by the
mean over past days that are weighted by how much they are like today, each kept as a whole: a cloudy morning is mostly
a cloudy day. Purchases wait as long as they can. The value at midnight is that of days in general.

A past day counts more the more the day before it was like yesterday: sun of its afternoon, use, sun of three days; and
days of the same kind (weekend or not), and recent ones. The widths are those with the lowest mean cost over nine months
of that year, none of them judged, among some thirty choices.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import polars as pl

from benchmarks.arena.solar_home import SolarCase
from env.inverter import Command
from env.simulator import World, simulate
from env.time_grid import SLOT_HOURS
from env.types import Energy, Index
from planner.replay.schedules import schedule_frame

DAYS_BACK = 120
AGE_DAYS = 60.0  # age by which a day counts less by e^-1
SAME_KIND = 2.0  # factor of days of the same kind
AFTERNOON_KWH, USE_KWH, SUN_KWH = 3.0, 3.0, 6.0  # differences by which a day counts less by e^-0.5
IN_GENERAL_DAYS, IN_GENERAL_AGE = 60, 20.0  # days that the value at midnight is of
LEAST_WEIGHT = 1e-9
GRID_POINTS = 81
ROUNDS = 6  # days that the value at midnight looks ahead
SATURDAY = 6
SAFE_SLOTS = 96  # the highest use among so many slots may come again


@dataclass(frozen=True)
class _Days:
    """Days on record; each array has one row a day.

    Attributes:
        net_kwh: load less PV `(n_days, n_slots)` [kWh].
        features: of the days before each, `(n_days, 3)` [kWh].
        weekend: whether it is Saturday or Sunday `(n_days,)`.
    """

    net_kwh: Energy
    features: Energy
    weekend: Energy


class LevelPlanner:
    """Levels of stored energy to buy up to.

    Args:
        case: the home; of its days only those before the one that is planned are read.
    """

    def __init__(self, case: SolarCase) -> None:
        self.case, self.grid = case, np.linspace(0.0, case.site.battery.max_soc_kwh, GRID_POINTS)
        whole = case.slots.group_by("local_day", maintain_order=True).agg("load_kwh", "pv_kwh", "import_price")
        self.place = {day: at for at, day in enumerate(whole["local_day"].to_list())}
        load, pv, price = (np.array(whole[name].to_list()) for name in ("load_kwh", "pv_kwh", "import_price"))
        self.days = _Days(load - pv, _features(load, pv), (whole["local_day"].dt.weekday() >= SATURDAY).to_numpy())
        edges = [0, *(np.flatnonzero(np.diff(price[0])) + 1).tolist(), price.shape[1]]
        self.spans = [slice(a, b) for a, b in pairwise(edges)]
        self.prices = [float(price[0, span.start]) for span in self.spans]
        self.outcomes = [self._followed(span) for span in self.spans]

    def _followed(self, span: slice) -> tuple[Energy, Energy]:
        """Return import and stored energy at the end of a span that only follows the house, each `(n_days, n_grid)`."""
        battery, net = self.case.site.battery, self.days.net_kwh[:, span]
        stored = np.broadcast_to(self.grid, (len(net), GRID_POINTS)).copy()
        imported = np.zeros_like(stored)
        most = battery.charge_kw * SLOT_HOURS
        for slot in range(net.shape[1]):
            surplus, deficit = np.clip(-net[:, slot], 0.0, most)[:, None], np.maximum(net[:, slot], 0.0)[:, None]
            covered = np.minimum(np.minimum(deficit, stored * battery.discharge_efficiency), most)
            imported += deficit - covered
            stored += surplus * battery.charge_efficiency - covered / battery.discharge_efficiency
            np.clip(stored, 0.0, battery.max_soc_kwh, out=stored)
        return imported, stored

    def weights(self, day: int) -> tuple[Index, Energy]:
        """Return the past days of a day and how much each counts."""
        back = np.arange(day - 1, max(day - 1 - DAYS_BACK, 2), -1)
        unlike = (self.days.features[day] - self.days.features[back]) / (AFTERNOON_KWH, USE_KWH, SUN_KWH)
        weight = np.exp(-(day - 1 - back) / AGE_DAYS - 0.5 * (unlike**2).sum(axis=1))
        weight *= np.where(self.days.weekend[back] == self.days.weekend[day], SAME_KIND, 1.0)
        weight += LEAST_WEIGHT
        return back, weight / weight.sum()

    def cost_to_go(self, day: int) -> list[Energy]:
        """Return for each span of a day the cost from its end on, by the level bought up to `(n_grid, n_grid)` [money].

        Rows are stored energy at the span's start, columns the level at its end.
        """
        past = np.arange(day - 1, max(day - 1 - IN_GENERAL_DAYS, -1), -1)
        in_general = np.exp(-(day - 1 - past) / IN_GENERAL_AGE)
        at_midnight = np.zeros(GRID_POINTS)
        for _ in range(ROUNDS):
            at_midnight = self._back(past, in_general / in_general.sum(), at_midnight)[0].min(axis=1)
        return self._back(*self.weights(day), at_midnight)

    def _back(self, days: Index, weights: Energy, later: Energy) -> list[Energy]:
        """Go back over the spans of a day."""
        found: list[Energy] = []
        fill = 1 / self.case.site.battery.charge_efficiency
        for price, (imported, ended) in zip(reversed(self.prices), reversed(self.outcomes), strict=True):
            end = ended[days]
            followed = price * imported[days] + np.interp(end, self.grid, later)
            bought = self.grid > end[:, :, None]
            buying = (price * (imported[days] - fill * end))[:, :, None] + (price * fill * self.grid + later)
            levels = np.tensordot(weights, np.where(bought, buying, followed[:, :, None]), axes=1)
            found.insert(0, levels)
            later = levels.min(axis=1)
        return found


def _features(load: Energy, pv: Energy) -> Energy:
    """Return sun of the afternoon and use of the day before, and mean sun of the three before `(n_days, 3)` [kWh]."""
    sun, noon = pv.sum(axis=1), pv.shape[1] // 2
    of_yesterday = np.stack([pv[:, noon:].sum(axis=1), load.sum(axis=1)], axis=1)
    mean = np.array([sun[max(at - 2, 0) : at + 1].mean() for at in range(len(sun))])
    return np.concatenate([np.zeros((1, 3)), np.column_stack([of_yesterday, mean])[:-1]])


def controlled(case: SolarCase) -> pl.DataFrame:
    """Return the judged days as the planner runs them, a row a slot; it reads only slots that have ended."""
    planner = LevelPlanner(case)
    judged = case.slots.filter(case.judged)
    names = ("load_kwh", "pv_kwh", "import_price", "export_price")
    world = World(*(judged[name].to_numpy()[None] for name in names))
    days: list[date] = judged["local_day"].unique(maintain_order=True).to_list()
    n_slots = planner.days.net_kwh.shape[1]
    levels: list[Energy] = []
    level = 0.0

    def decide(slot: int, soc_kwh: Energy) -> Command:
        nonlocal levels, level
        at = slot % n_slots
        if at == 0:
            levels = planner.cost_to_go(planner.place[days[slot // n_slots]])
        span = next(number for number, span in enumerate(planner.spans) if at < span.stop)
        if at == planner.spans[span].start:
            costs = [np.interp(soc_kwh[0], planner.grid, column) for column in levels[span].T]
            level = float(planner.grid[int(np.argmin(costs))])
        return _command(case, level - float(soc_kwh[0]), planner.spans[span].stop - at - 1, world.load_kwh[0, :slot])

    replay = simulate(decide, world, case.site, np.array([case.protocol.start_soc_kwh]))
    return schedule_frame("levels", judged, replay)


def _command(case: SolarCase, missing_kwh: float, slots_left: int, load_kwh: Energy) -> Command:
    """Follow the house, or charge what later slots of the span could not any more."""
    battery, limits = case.site.battery, case.site.limits
    import_kwh = (limits.import_kw or battery.charge_kw) * SLOT_HOURS
    used = float(load_kwh[-SAFE_SLOTS:].max()) if len(load_kwh) else import_kwh / 2
    later = slots_left * min(max(import_kwh - used, 0.0), battery.charge_kw * SLOT_HOURS) * battery.charge_efficiency
    now = (missing_kwh - later) / battery.charge_efficiency / SLOT_HOURS
    if now > 0:
        return Command(np.array([min(now, battery.charge_kw)]), np.zeros(1), np.zeros(1))
    return Command(np.zeros(1), np.array([battery.discharge_kw]), np.zeros(1))
