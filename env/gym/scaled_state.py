"""State v2: everything in the scale of the day's prices and of the battery, so that homes and seasons look alike.

Prices are (price - the day's mean) / spread, energies are shares of what the battery moves in a slot, and what a
command hinges on stands there plainly: the value of stored energy at the slot's end, and what covering the load,
selling, storing surplus and charging would gain against it.
"""

from collections.abc import Callable

import numpy as np

from env.battery import Battery
from env.errors import EpisodeError
from env.gym.day_statistics import lagged, max_ahead, mean_ahead, price_level
from env.gym.episodes import Episodes, Outlook
from env.gym.states import Column, Moment, State, flat_table
from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from env.types import Index

MOST = 10.0  # scaled figures are clipped there
MINUTES_A_DAY = 1440.0
LEAST_KWH = 1e-3  # a battery without power still has a scale
# Slots ahead: this hour one by one, the next three hour by hour, then ever longer stretches.
WINDOWS = (
    (0, 1), (1, 2), (2, 3), (3, 4), (4, 8), (8, 12), (12, 16), (16, 24), (24, 32), (32, 48), (48, 72), (72, 100),
)  # fmt: skip
ERRORS = 4  # slots back whose forecast errors are seen
AROUND = (-0.15, -0.05, 0.0, 0.05, 0.15)  # shares of the usable range
_AROUND = np.array(AROUND)
_MARGINAL = tuple(f"marginal_value_{place}" for place in range(len(AROUND)))
_GAINS = ("gain_cover", "gain_sell", "gain_store", "gain_charge")
_NAMES = (
    "soc",
    *_MARGINAL,
    *_GAINS,
    "clock_sin",
    "clock_cos",
    "left_of_day",
    "fill_share",
    "empty_share",
    "round_trip_loss",
    "wear",
    "price_level",
    *(f"import_ahead_{first}_{end}" for first, end in WINDOWS),
    *(f"net_load_ahead_{first}_{end}" for first, end in WINDOWS),
    "export_now",
    "export_most_ahead",
    "import_most_ahead",
    "import_least_ahead",
    "load_now",
    "pv_now",
    *(f"net_load_error_{back}" for back in range(1, ERRORS + 1)),
)
_SHARES = frozenset({"soc", "left_of_day", "fill_share", "empty_share", "round_trip_loss"})
_DYNAMIC = 1 + len(_MARGINAL) + len(_GAINS)
V2 = tuple(Column(name, "", 0.0 if name in _SHARES else -MOST, 1.0 if name in _SHARES else MOST) for name in _NAMES)


class ScaledState:
    """State v2, `float32`, in this order; scaled figures lie in -10 to 10, shares in 0 to 1.

    | columns | meaning |
    |---|---|
    | soc | share of the usable range |
    | marginal_value_0..4 | value of one more kWh stored at the end, at soc -15, -5, 0, 5, 15 points: as a price |
    | gain_cover, gain_sell | import, export price less what a delivered kWh costs, per spread |
    | gain_store, gain_charge | value of a kWh charged less export, import price, per spread |
    | clock_sin, clock_cos | of the wall clock |
    | left_of_day | slots left / slots of the day |
    | fill_share, empty_share | of the usable range, in an hour at full power |
    | round_trip_loss, wear | 1 - round trip; wear of moving a kWh in and out, per spread |
    | price_level | mean import price per spread |
    | import_ahead_*, net_load_ahead_* | means over windows of slots ahead; 0 behind the day's end |
    | export_now, export_most_ahead, import_most_ahead, import_least_ahead | as prices, from this slot on |
    | load_now, pv_now | forecast of this slot |
    | net_load_error_1..4 | net load read less forecast, of the slots before |

    Raises:
        EpisodeError: the episodes have no outlook.
    """

    columns = V2

    def __init__(self, episodes: Episodes) -> None:
        if episodes.outlook is None:
            raise EpisodeError("state v2 shows the value of stored energy: give the episodes an outlook")
        self._mean, self._spread = price_level(episodes)
        self._scale_battery(episodes)
        self._table = flat_table(episodes, V2, self._named(episodes))
        self._slopes = self._scaled_slopes(episodes, episodes.outlook)
        self._n_steps = episodes.outlook.value.shape[2] - 1
        self._thresholds = self._price_thresholds(episodes)

    def observe(self, moment: Moment) -> State:
        """Return the rows' columns, with what depends on the stored energy of the moment."""
        seen = self._table.take(moment.at, axis=0)
        share = (moment.soc_kwh - self._low.take(moment.row)) * self._per_kwh.take(moment.row)
        share = np.clip(share, 0.0, 1.0)  # what leaks away at rest may fall below the usable range
        seen[:, 0] = share
        steps = np.clip((share[:, None] + _AROUND) * self._n_steps, 0, self._n_steps - 1).astype(np.intp)
        places: Index = (moment.at * self._n_steps)[:, None] + steps
        marginal = self._slopes.take(places)
        seen[:, 1 : 1 + len(AROUND)] = marginal
        factors, offsets = self._thresholds
        gains = offsets.take(moment.at, axis=0)
        gains += factors.take(moment.row, axis=0) * marginal[:, len(AROUND) // 2, None]
        np.clip(gains, -MOST, MOST, out=seen[:, 1 + len(AROUND) : _DYNAMIC])
        if moment.over.any():
            seen[moment.over, _NAMES.index("left_of_day")] = 0.0
        return seen

    def _scale_battery(self, episodes: Episodes) -> None:
        self._low = episodes.site_values(lambda site: site.battery.min_soc_kwh)
        self._usable = episodes.site_values(lambda site: site.battery.max_soc_kwh) - self._low
        self._per_kwh = np.divide(1.0, self._usable, out=np.zeros_like(self._usable), where=self._usable > 0)

    def _scaled_slopes(self, episodes: Episodes, outlook: Outlook) -> State:
        """Marginal value between the grid's points, as a price, flat `(n_episodes * width * (n_soc - 1),)`."""
        step = self._usable / (outlook.value.shape[2] - 1)
        step = np.where(step > 0, step, 1.0)[:, None, None]
        marginal = np.diff(outlook.value, axis=2) / step
        scaled = self._as_price(np.where(episodes.inside[:, :, None], marginal, 0.0))
        return np.clip(scaled, -MOST, MOST).astype(np.float32).reshape(-1)

    def _price_thresholds(self, episodes: Episodes) -> tuple[State, State]:
        """Gains as `factor x marginal value as a price + offset`: `(n_episodes, 4)`, `(n_episodes * width, 4)`."""
        out = episodes.site_values(lambda site: site.battery.discharge_efficiency)
        into = episodes.site_values(lambda site: site.battery.charge_efficiency)
        worn_out = episodes.site_values(lambda site: site.battery.discharge_wear)
        worn_in = episodes.site_values(lambda site: site.battery.charge_wear)
        mean, spread = self._mean[:, None], self._spread[:, None]
        delivered = mean / out[:, None] + worn_out[:, None]
        stored = mean * into[:, None] - worn_in[:, None]
        import_price, export_price = episodes.import_price, episodes.export_price
        offsets = np.stack(
            [import_price - delivered, export_price - delivered, stored - export_price, stored - import_price], axis=2
        )
        factors = np.stack([-1 / out, -1 / out, into, into], axis=1)
        flat = (offsets / spread[:, :, None]).reshape(-1, len(_GAINS))
        return factors.astype(np.float32), flat.astype(np.float32)

    def _as_price(self, price: Energy) -> Energy:
        """Return a price `(n_episodes, ...)` against its day."""
        shape = (-1, *(1,) * (price.ndim - 1))
        return (price - self._mean.reshape(shape)) / self._spread.reshape(shape)

    def _named(self, episodes: Episodes) -> dict[str, Energy]:
        """Return every column, those that depend on stored energy still 0; clipped into its range."""
        nothing = np.zeros_like(episodes.load_kwh)
        named = dict.fromkeys(_NAMES[:_DYNAMIC], nothing)
        named |= self._clock(episodes) | self._battery(episodes) | self._prices(episodes) | self._house(episodes)
        return {c.name: np.clip(named[c.name], c.low, c.high) for c in V2}

    def _clock(self, episodes: Episodes) -> dict[str, Energy]:
        angle = episodes.clock_minutes * (2 * np.pi / MINUTES_A_DAY)
        left = (episodes.n_slots[:, None] - np.arange(episodes.width)) / episodes.n_slots[:, None]
        return {"clock_sin": np.sin(angle), "clock_cos": np.cos(angle), "left_of_day": left}

    def _battery(self, episodes: Episodes) -> dict[str, Energy]:
        def all_day(of: Callable[[Battery], float]) -> Energy:
            figures = episodes.site_values(lambda site: of(site.battery))
            return np.broadcast_to(figures[:, None], episodes.load_kwh.shape)

        per_kwh, spread = self._per_kwh[:, None], self._spread[:, None]
        return {
            "fill_share": all_day(lambda each: each.charge_kw * each.charge_efficiency) * per_kwh,
            "empty_share": all_day(lambda each: each.discharge_kw / each.discharge_efficiency) * per_kwh,
            "round_trip_loss": 1 - all_day(lambda each: each.charge_efficiency * each.discharge_efficiency),
            "wear": all_day(lambda each: each.charge_wear + each.discharge_wear) / spread,
        }

    def _prices(self, episodes: Episodes) -> dict[str, Energy]:
        import_price, export_price = self._as_price(episodes.import_price), self._as_price(episodes.export_price)
        ahead = mean_ahead(episodes, import_price, WINDOWS)
        return {
            "price_level": np.broadcast_to((self._mean / self._spread)[:, None], import_price.shape),
            **{f"import_ahead_{first}_{end}": ahead[:, :, i] for i, (first, end) in enumerate(WINDOWS)},
            "export_now": export_price,
            "export_most_ahead": max_ahead(episodes, export_price, episodes.width),
            "import_most_ahead": max_ahead(episodes, import_price, episodes.width),
            "import_least_ahead": -max_ahead(episodes, -import_price, episodes.width),
        }

    def _house(self, episodes: Episodes) -> dict[str, Energy]:
        most_kw = episodes.site_values(lambda site: max(site.battery.charge_kw, site.battery.discharge_kw))
        scale = np.maximum(most_kw * SLOT_HOURS, LEAST_KWH)[:, None]
        load, pv = episodes.load_forecast / scale, episodes.pv_forecast / scale
        ahead = mean_ahead(episodes, load - pv, WINDOWS)
        error = (episodes.load_kwh - episodes.pv_kwh) / scale - (load - pv)
        return {
            **{f"net_load_ahead_{first}_{end}": ahead[:, :, i] for i, (first, end) in enumerate(WINDOWS)},
            "load_now": load,
            "pv_now": pv,
            **{f"net_load_error_{back}": lagged(error, back) for back in range(1, ERRORS + 1)},
        }
