"""The history of a site's learned values: each step with its cause, the values in force, and ways back.

Rows are only ever added. The latest day with rows has every quantity, so that the values in force are one file's last.
Where the configured value of a quantity has changed since, what was learned about the old one no longer holds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from darkstar_pipeline.warehouse.schemas import LEARNED_VALUES
from darkstar_pipeline.warehouse.tables import Tables
from env.site import Site
from env.time_grid import zone
from planner.tuning.evidence import Evidence
from planner.tuning.quantities import Quantity, QuantityName, quantities_of
from planner.wording.messages import phrase, written

LEARNED, KEPT, RESET, UNDONE = "learned", "kept", "reset", "undone"
SAME = 1e-9
"""Values that differ by less are the same."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A value that a step wants, and why.

    Attributes:
        value: the new value.
        action: `learned`, `kept`, `reset` or `undone`.
        cause: why, in words.
        shown: what readings show; None where they show nothing.
        samples: days or cycles that this rests on.
    """

    value: float
    action: str
    cause: str
    shown: float | None = None
    samples: int = 0


class LearnedHistory:
    """The history of a site's learned values.

    Args:
        lake: the tables.
        site: the home.
    """

    def __init__(self, lake: Tables, site: Site) -> None:
        self._lake, self._site = lake, site
        self.quantities = quantities_of(site.battery)

    def rows(self, first: date | None = None, last: date | None = None) -> pl.DataFrame:
        """Return the rows of local days, both included, in order of time."""
        return self._lake.read(LEARNED_VALUES, self._site.name, first, last).sort("changed_at", "quantity")

    def in_force(self, day: date | None = None) -> dict[QuantityName, float]:
        """Return the value of each quantity at the end of a local day; None for now."""
        days = [each for each in self._lake.days(LEARNED_VALUES, self._site.name) if day is None or each <= day]
        return self._values(self.rows(days[-1], days[-1]) if days else None)

    def by_day(self, days: Sequence[date]) -> dict[date, dict[QuantityName, float]]:
        """Return the values in force at the end of each of these local days, which ascend."""
        stored = self._lake.days(LEARNED_VALUES, self._site.name)
        begin = max((day for day in stored if days and day <= days[0]), default=None)
        rows = self.rows(begin, days[-1]) if days and stored else LEARNED_VALUES.schema.to_frame()
        learned: dict[date, pl.DataFrame] = {part["local_day"][0]: part for part in rows.partition_by("local_day")}
        found: dict[date, dict[QuantityName, float]] = {}
        latest: pl.DataFrame | None = None
        for day in sorted({*days, *learned}):
            if day in learned:
                latest = learned[day]
            if day in days:
                found[day] = self._values(latest)
        return found

    def is_done(self, day: date, today: date) -> bool:
        """Return whether a local day, or a later one until today, was learned or reset.

        A day that is still to come was learned by a clock that went wrong, and keeps no other from being learned.
        """
        last = self.last_day(max(day, today))
        return last is not None and last >= day

    def last_day(self, today: date) -> date | None:
        """Return the last local day of the history until today; None where it is empty."""
        days = [each for each in self._lake.days(LEARNED_VALUES, self._site.name) if each <= today]
        return days[-1] if days else None

    def learn(self, evidence: Mapping[QuantityName, Evidence], now: datetime) -> pl.DataFrame:
        """Take the day's step of each quantity; a day that was learned, or reset, is not learned again.

        Args:
            evidence: what readings show, where they show something.
            now: the present instant.

        Returns:
            The rows that were added.
        """

        def changes(values: Mapping[QuantityName, float], today: pl.DataFrame) -> dict[QuantityName, Change]:
            if today.height:  # another process was faster
                return {}
            return {name: _step(each, values[name], evidence.get(name)) for name, each in self.quantities.items()}

        return self._add(changes, now)

    def reset(self, now: datetime, cause: str) -> pl.DataFrame:
        """Return every quantity to its configured value; readings and history stay."""
        return self._back({name: each.configured for name, each in self.quantities.items()}, RESET, cause, now)

    def undo(self, day: date, now: datetime, cause: str) -> pl.DataFrame:
        """Return every quantity to its value at the end of an earlier local day; readings and history stay."""
        return self._back(self.in_force(day), UNDONE, cause, now)

    def _back(self, wanted: Mapping[QuantityName, float], action: str, cause: str, now: datetime) -> pl.DataFrame:
        def changes(values: Mapping[QuantityName, float], today: pl.DataFrame) -> dict[QuantityName, Change]:
            del today
            if all(abs(values[name] - wanted[name]) < SAME for name in values):
                return {}
            return {name: Change(value=wanted[name], action=action, cause=cause) for name in values}

        return self._add(changes, now)

    def _add(
        self,
        changes: Callable[[Mapping[QuantityName, float], pl.DataFrame], Mapping[QuantityName, Change]],
        now: datetime,
    ) -> pl.DataFrame:
        """Add the rows of a step, all or none, while no other process writes there; return them."""
        today, added = now.astimezone(zone(self._site.timezone)).date(), LEARNED_VALUES.schema.to_frame()

        def merged(there: pl.DataFrame) -> pl.DataFrame:
            nonlocal added
            values = self._values(there.sort("changed_at", "quantity")) if there.height else self.in_force(today)
            rows = [self._row(name, values[name], each, today, now) for name, each in changes(values, there).items()]
            added = pl.DataFrame(rows, schema=LEARNED_VALUES.schema)
            return pl.concat([there, added]) if rows else there.clear()

        self._lake.merge_days(LEARNED_VALUES, self._site.name, (today, today), merged)
        return added

    def _row(self, name: QuantityName, old: float, change: Change, today: date, now: datetime) -> Mapping[str, object]:
        quantity = self.quantities[name]
        return {
            "site": self._site.name,
            "local_day": today,
            "changed_at": now.astimezone(UTC),
            "action": change.action,
            "quantity": name,
            "unit": quantity.unit,
            "configured": quantity.configured,
            "old_value": old,
            "new_value": quantity.clamped(change.value),
            "shown": change.shown,
            "samples": change.samples,
            "cause": written(change.cause),
        }

    def _values(self, rows: pl.DataFrame | None) -> dict[QuantityName, float]:
        """Return the last value of each quantity; the configured one where there is none, or none of this setting."""
        values: dict[QuantityName, float] = {name: each.configured for name, each in self.quantities.items()}
        if rows is None or rows.is_empty():
            return values
        for row in rows.unique("quantity", keep="last", maintain_order=True).iter_rows(named=True):
            quantity = self.quantities.get(row["quantity"])
            if quantity is not None and abs(row["configured"] - quantity.configured) < SAME:
                values[quantity.name] = quantity.clamped(row["new_value"])
        return values


def _step(quantity: Quantity, value: float, evidence: Evidence | None) -> Change:
    """Return a day's step of a quantity."""
    if evidence is None:
        return Change(value=value, action=KEPT, cause=phrase("too little was read to learn from"))
    made = quantity.stepped(value, evidence.target)
    action = KEPT if abs(made - value) < SAME else LEARNED
    return Change(value=made, action=action, cause=evidence.cause, shown=evidence.target, samples=evidence.samples)
