"""State of a policy at the start of a slot: its versions, each a set of named, bounded columns.

Everything that does not depend on the stored energy is worked out once for all rows and slots (`table`); a step gathers
its rows and fills in the rest. Nothing here knows a slot's own load or PV before it is over.

Changing a column's meaning, order or scale is a new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.errors import EpisodeError
from env.gym.day_statistics import max_ahead
from env.gym.episodes import Episodes
from env.inverter import Energy
from env.time_grid import SLOT_HOURS
from env.types import Index, Mask

DAY_HOURS = 25.0
MOST_KWH = 1e3  # of a slot: no home's
MOST_PRICE = 1e6  # money/kWh: of any currency; a euro is 28 000 dong, and a price of the market 4 EUR/kWh at most
PEAK_SLOTS = 48  # 12 hours
State = NDArray[np.float32]


class Column(NamedTuple):
    """One number of a state."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True)
class Moment:
    """The start of a slot in every home of a batch.

    Attributes:
        row: episode `(n_homes,)`.
        at: `row * width + slot`, into flattened tables; of the last slot where the day is over `(n_homes,)`.
        over: whether the day is over `(n_homes,)`.
        soc_kwh: stored energy `(n_homes,)` [kWh].
    """

    row: Index
    at: Index
    over: Mask
    soc_kwh: Energy

    def part(self, homes: slice) -> "Moment":
        """Return the same for some of the homes."""
        return Moment(self.row[homes], self.at[homes], self.over[homes], self.soc_kwh[homes])


class StateForm(Protocol):
    """A version of the state, over some episodes."""

    columns: tuple[Column, ...]

    def observe(self, moment: Moment) -> State:
        """Return a fresh array `(n_homes, n_columns)`."""
        ...


def observation_space(columns: tuple[Column, ...]) -> spaces.Space[State]:
    """Return the columns' bounds as a Gymnasium space."""
    low, high = (np.array(bounds, dtype=np.float32) for bounds in zip(*((c.low, c.high) for c in columns), strict=True))
    return spaces.Box(low, high, dtype=np.float32)


V1 = (
    Column("time_of_day", "h", 0.0, 24.0),
    Column("load_forecast", "kWh", 0.0, MOST_KWH),
    Column("pv_forecast", "kWh", 0.0, MOST_KWH),
    Column("soc", "%", 0.0, 100.0),
    Column("import_price", "money/kWh", -MOST_PRICE, MOST_PRICE),
    Column("export_price", "money/kWh", -MOST_PRICE, MOST_PRICE),
)
V1_1 = (
    *V1,
    Column("hours_until_end_of_day", "h", 0.0, DAY_HOURS),
    Column("max_import_price_next_12h", "money/kWh", -MOST_PRICE, MOST_PRICE),
)
SOC = 3


class PlainState:
    """States v1 and v1.1: in the units of the house, as a person would read them.

    | column | unit | range |
    |---|---|---|
    | time_of_day, by the wall clock | h | 0 to 24 |
    | load_forecast, of this slot, made when the day began | kWh | 0 to 1000 |
    | pv_forecast, the same | kWh | 0 to 1000 |
    | soc, stored energy of the capacity | % | 0 to 100 |
    | import_price, of this slot | money/kWh | -1e6 to 1e6 |
    | export_price, of this slot | money/kWh | -1e6 to 1e6 |
    | hours_until_end_of_day, from this slot's start (v1.1) | h | 0 to 25 |
    | max_import_price_next_12h, this slot's included, of the day's (v1.1) | money/kWh | -1e6 to 1e6 |

    When the day is over, its last slot is shown with no hours left.
    """

    def __init__(self, episodes: Episodes, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        left = (episodes.n_slots[:, None] - np.arange(episodes.width)) * SLOT_HOURS
        named = {
            "time_of_day": episodes.clock_minutes / 60,
            "load_forecast": episodes.load_forecast,
            "pv_forecast": episodes.pv_forecast,
            "soc": np.zeros_like(left),
            "import_price": episodes.import_price,
            "export_price": episodes.export_price,
            "hours_until_end_of_day": np.maximum(left, 0.0),
            "max_import_price_next_12h": max_ahead(episodes, episodes.import_price, PEAK_SLOTS),
        }
        self._table = flat_table(episodes, columns, named)
        capacity = episodes.site_values(lambda site: site.battery.capacity_kwh)
        self._per_kwh = np.divide(100.0, capacity, out=np.zeros_like(capacity), where=capacity > 0)

    def observe(self, moment: Moment) -> State:
        """Return the rows' columns, with the stored energy of the moment."""
        seen = self._table.take(moment.at, axis=0)
        seen[:, SOC] = moment.soc_kwh * self._per_kwh.take(moment.row)
        if len(self.columns) > len(V1) and moment.over.any():
            seen[moment.over, len(V1)] = 0.0
        return seen


def flat_table(episodes: Episodes, columns: tuple[Column, ...], named: Mapping[str, NDArray[Any]]) -> State:
    """Columns of all rows and slots as one table `(n_episodes * width, n_columns)`.

    Raises:
        EpisodeError: a number is outside its column's range.
    """
    table = np.zeros((*episodes.load_kwh.shape, len(columns)), dtype=np.float32)
    for place, column in enumerate(columns):
        values = np.where(episodes.inside, named[column.name], 0.0)
        if values.min() < column.low or values.max() > column.high:
            bounds, found = f"{column.low} to {column.high} {column.unit}", f"{values.min()} to {values.max()}"
            message = f"{column.name} must be within {bounds}, got {found}; check the unit of what it is made from"
            raise EpisodeError(message)
        table[:, :, place] = values
    return table.reshape(-1, len(columns))
