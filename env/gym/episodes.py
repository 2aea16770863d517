"""Days to step through: readings, prices, and what was known when each day began.

One row is one local day at one home with one battery; days of 92, 96 and 100 slots lie in the same arrays, padded to
the longest, and a row's own length says where it ends. Nothing beyond that is ever read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from env.errors import EpisodeError
from env.inverter import Energy
from env.site import Site
from env.types import Index, Mask

TABLES = (
    "load_kwh",
    "pv_kwh",
    "import_price",
    "export_price",
    "load_forecast",
    "pv_forecast",
    "clock_minutes",
)
LEAST_GRID = 2


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Scenarios and the value of stored energy at the start of each slot, from what was known then.

    Attributes:
        load_kwh: load of the slot by scenario `(n_episodes, width, n_scenarios)` [kWh].
        pv_kwh: PV of the slot by scenario, shaped alike [kWh].
        weight: probability of each scenario, adding up to 1 `(n_episodes, width, n_scenarios)`.
        value: value of the energy stored at the slot's end, on an even grid from the least to the most stored energy of
            the row's battery `(n_episodes, width, n_soc)` [money].
    """

    load_kwh: Energy
    pv_kwh: Energy
    weight: Energy
    value: Energy

    def central(self) -> "Outlook":
        """Return the outlook with one scenario, the weighted mean: a `correction` then simulates one instead of many.

        Four to five times as fast with seven scenarios, and 0.02-0.21 points captured less uncorrected (train weeks of
        two homes).
        """
        load, pv = ((self.weight * table).sum(axis=2, keepdims=True) for table in (self.load_kwh, self.pv_kwh))
        return Outlook(load_kwh=load, pv_kwh=pv, weight=np.ones_like(load), value=self.value)


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """Days x homes x batteries as rows.

    Attributes:
        sites: the different homes, each with a battery; augmentation is another entry.
        home: index of each row's site `(n_episodes,)`.
        n_slots: length of each row's day `(n_episodes,)`.
        load_kwh: load `(n_episodes, width)` [kWh].
        pv_kwh: available PV `(n_episodes, width)` [kWh].
        import_price: price of import `(n_episodes, width)` [money/kWh].
        export_price: price of export `(n_episodes, width)` [money/kWh].
        load_forecast: forecast known when the day began `(n_episodes, width)` [kWh].
        pv_forecast: forecast known when the day began `(n_episodes, width)` [kWh].
        clock_minutes: minutes since local midnight by the wall clock `(n_episodes, width)` [min].
        start_soc_kwh: stored energy at the protocol's start `(n_episodes,)` [kWh].
        settlement_value: value of a stored kWh at the day's end `(n_episodes,)` [money/kWh].
        labels: names of the rows, such as their days; empty without names.
        outlook: scenarios and values slot by slot; None if neither state nor actions need them.
        baseline_cost: cost of a reference policy in each slot, its settlement in the last `(n_episodes, width)`
            [money]; what rewards may be measured against.

    Raises:
        EpisodeError: arrays do not fit together, or a number is not finite.
    """

    sites: tuple[Site, ...]
    home: Index
    n_slots: Index
    load_kwh: Energy
    pv_kwh: Energy
    import_price: Energy
    export_price: Energy
    load_forecast: Energy
    pv_forecast: Energy
    clock_minutes: Energy
    start_soc_kwh: Energy
    settlement_value: Energy
    labels: tuple[str, ...] = ()
    outlook: Outlook | None = None
    baseline_cost: Energy | None = None

    def __post_init__(self) -> None:
        """Refuse rows that cannot be stepped through."""
        shape = self.load_kwh.shape
        if len(shape) != 2 or 0 in shape:  # noqa: PLR2004 - rows x slots
            message = f"load_kwh must be (n_episodes, width) with at least a row and a slot, got {shape}"
            raise EpisodeError(message)
        for name, expected in self._shapes().items():
            if (found := np.shape(getattr(self, name))) != expected:
                message = f"{name} must be {expected}, got {found}"
                raise EpisodeError(message)
        if self.labels and len(self.labels) != shape[0]:
            message = f"one label a row: {shape[0]} rows, got {len(self.labels)} labels"
            raise EpisodeError(message)
        if self.n_slots.min() < 1 or self.n_slots.max() > shape[1]:
            message = f"n_slots must be 1..{shape[1]}, got {self.n_slots.min()}..{self.n_slots.max()}"
            raise EpisodeError(message)
        if not self.sites or self.home.min() < 0 or self.home.max() >= len(self.sites):
            message = f"home must index the {len(self.sites)} sites, got {self.home.min()}..{self.home.max()}"
            raise EpisodeError(message)
        self._check_numbers()

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        rows, width = self.load_kwh.shape
        single = dict.fromkeys(("home", "n_slots", "start_soc_kwh", "settlement_value"), (rows,))
        slotted = dict.fromkeys(
            (*TABLES, *(("baseline_cost",) if self.baseline_cost is not None else ())), (rows, width)
        )
        return {**single, **slotted}

    def _check_numbers(self) -> None:
        """Refuse what is no number where it counts, and outlooks of other days.

        Raises:
            EpisodeError: says which array, row and slot.
        """
        named = {name: getattr(self, name) for name in (*TABLES, "baseline_cost")}
        if self.outlook is not None:
            for field in fields(self.outlook):
                table = getattr(self.outlook, field.name)
                if table.shape[:2] != self.load_kwh.shape:
                    message = f"outlook.{field.name} must start with {self.load_kwh.shape}, got {table.shape}"
                    raise EpisodeError(message)
                named[f"outlook.{field.name}"] = table.sum(axis=2)  # what is no number stays none in a sum
            if self.outlook.value.shape[2] < LEAST_GRID:
                raise EpisodeError("outlook.value needs at least two points of stored energy")
        for name, table in named.items():
            if table is not None and (~np.isfinite(table) & self.inside).any():
                row, slot = np.argwhere(~np.isfinite(table) & self.inside)[0]
                message = f"{name} of row {row}, slot {slot} is {table[row, slot]}; leave the day out or fill it"
                raise EpisodeError(message)
        for name in ("start_soc_kwh", "settlement_value"):
            if not np.isfinite(getattr(self, name)).all():
                message = f"{name} must be finite, got {getattr(self, name)}"
                raise EpisodeError(message)

    @property
    def inside(self) -> Mask:
        """Return whether slots belong to a row's day `(n_episodes, width)`."""
        return np.arange(self.width) < self.n_slots[:, None]

    @property
    def width(self) -> int:
        """Slots of the longest day."""
        return self.load_kwh.shape[1]

    def __len__(self) -> int:
        return len(self.home)

    def site_values(self, of: Callable[[Site], float]) -> Energy:
        """Return a site's figure for every row `(n_episodes,)`."""
        return np.array([of(site) for site in self.sites], dtype=np.float64)[self.home]

    def rows(self, chosen: Index) -> "Episodes":
        """Some of the rows, in that order."""
        names = ("home", "n_slots", "start_soc_kwh", "settlement_value", *TABLES)
        picked = {name: getattr(self, name)[chosen] for name in names}
        outlook = self.outlook and Outlook(**{name: table[chosen] for name, table in vars(self.outlook).items()})
        baseline = None if self.baseline_cost is None else self.baseline_cost[chosen]
        labels = tuple(self.labels[int(row)] for row in chosen) if self.labels else ()
        return replace(self, **picked, labels=labels, outlook=outlook, baseline_cost=baseline)


def joined(parts: Sequence[Episodes]) -> Episodes:
    """Rows of several sets as one; an outlook or baseline is kept where every part has it.

    Raises:
        EpisodeError: there is nothing to join, or outlooks differ in scenarios or grid.
    """
    if not parts:
        raise EpisodeError("no episodes to join")
    width = max(part.width for part in parts)
    sites = _joined_sites(parts)
    places = [np.array([sites.index(site) for site in part.sites])[part.home] for part in parts]
    tables = {name: np.concatenate([widened(getattr(part, name), width) for part in parts]) for name in TABLES}
    single = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("n_slots", "start_soc_kwh", "settlement_value")
    }
    return Episodes(
        sites=tuple(sites),
        home=np.concatenate(places),
        labels=_joined_labels(parts),
        outlook=_joined_outlook(parts, width),
        baseline_cost=_joined_baselines(parts, width),
        **tables,
        **single,
    )


def _joined_sites(parts: Sequence[Episodes]) -> list[Site]:
    """Return every site once, in order of appearance."""
    sites: list[Site] = []
    for part in parts:
        sites += [site for site in part.sites if site not in sites]
    return sites


def _joined_labels(parts: Sequence[Episodes]) -> tuple[str, ...]:
    if not all(part.labels for part in parts):
        return ()
    return tuple(label for part in parts for label in part.labels)


def _joined_baselines(parts: Sequence[Episodes], width: int) -> Energy | None:
    baselines = [part.baseline_cost for part in parts if part.baseline_cost is not None]
    if len(baselines) < len(parts):
        return None
    return np.concatenate([widened(baseline, width) for baseline in baselines])


def _joined_outlook(parts: Sequence[Episodes], width: int) -> Outlook | None:
    outlooks = [part.outlook for part in parts if part.outlook is not None]
    if len(outlooks) < len(parts):
        return None
    sizes = {(each.load_kwh.shape[2], each.value.shape[2]) for each in outlooks}
    if len(sizes) > 1:
        message = f"outlooks must have equally many scenarios and points of stored energy, got {sorted(sizes)}"
        raise EpisodeError(message)
    names = [field.name for field in fields(Outlook)]
    return Outlook(
        **{name: np.concatenate([widened(getattr(each, name), width) for each in outlooks]) for name in names}
    )


def widened(table: Energy, width: int) -> Energy:
    """Return a table `(n, slots, ...)` padded with zeros to `(n, width, ...)`."""
    missing = [(0, 0)] * table.ndim
    missing[1] = (0, width - table.shape[1])
    return np.pad(table, missing)
