"""Recorded states of sensors, compact: a number and an instant each, and the text of those that need a second look."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from darkstar_pipeline.sources.stamps import utc_instants
from env.time_grid import SLOT_DTYPE

TEXTS = pl.Schema({"row": pl.Int64(), "entity": pl.String(), "state": pl.String(), "stamp": pl.String()})
PLAIN = pl.Schema({"row": pl.Int64(), "instant": SLOT_DTYPE, "value": pl.Float64()})
_ABSENT = ("unavailable", "unknown", "none", "null", "")


@dataclass(frozen=True, kw_only=True)
class States:
    """The recorded states of a file.

    Attributes:
        file: name that is reported.
        plain: by sensor `[row, instant, value]` in the file's order; `value` is null where the sensor had none.
        others: the rest, `[row, entity, state, stamp]` as text: no number, no instant, or a stamp without offset.
        entities: the sensors in the order of their first rows.
        rows: number of states.
        units: unit by sensor, where the file states it.
        names: name by sensor as shown in Home Assistant.
    """

    file: str
    plain: Mapping[str, pl.DataFrame]
    others: pl.DataFrame
    entities: tuple[str, ...]
    rows: int
    units: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, str] = field(default_factory=dict[str, str])


class StatesBuilder:
    """States collected piece by piece; of each piece only what is needed is kept."""

    def __init__(self) -> None:
        self.rows = 0
        self._plain: dict[str, list[pl.DataFrame]] = {}
        self._others: list[pl.DataFrame] = [pl.DataFrame(schema=TEXTS)]

    def add(self, texts: pl.DataFrame) -> None:
        """Add a piece `[entity, state, stamp]` of text."""
        numbers = pl.int_range(self.rows + 1, self.rows + 1 + pl.len(), dtype=pl.Int64).alias("row")
        self.rows += texts.height
        value, absent = number_or_absent(pl.col("state"))
        typed = texts.select(numbers, *TEXTS.names()[1:], utc_instants(pl.col("stamp")).alias("instant"), value=value)
        usable = absent | pl.col("value").is_finite().fill_null(value=False)
        plain = (pl.col("instant").is_not_null() & usable & pl.col("entity").is_not_null()).alias("_plain")
        split = typed.with_columns(plain)
        for key, part in (
            split.filter("_plain")
            .select("entity", *PLAIN.names())
            .partition_by("entity", as_dict=True, maintain_order=True, include_key=False)
            .items()
        ):
            self._plain.setdefault(str(key[0]), []).append(part)
        self._others.append(split.filter(~pl.col("_plain")).select(TEXTS.names()))

    def states(
        self, file: str, units: Mapping[str, str] | None = None, names: Mapping[str, str] | None = None
    ) -> States:
        """Return what was added."""
        plain = {entity: pl.concat(parts) for entity, parts in self._plain.items()}
        others = pl.concat(self._others)
        first = {entity: frame["row"][0] for entity, frame in plain.items()}
        for entity, row in others.drop_nulls("entity").group_by("entity").agg(pl.col("row").min()).iter_rows():
            first[entity] = min(row, first.get(entity, row))
        return States(
            file=file,
            plain=plain,
            others=others,
            entities=tuple(sorted(first, key=lambda entity: first[entity])),
            rows=self.rows,
            units=units or {},
            names=names or {},
        )


def number_or_absent(state: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The number of a state, null where it is none, and whether the sensor had no value."""
    quick = state.cast(pl.Float64, strict=False)
    text = pl.when(quick.is_null()).then(state).str.strip_chars().str.to_lowercase()
    absent = state.is_null() | text.is_in(_ABSENT).fill_null(value=False)
    return pl.coalesce(quick, pl.when(~absent).then(text).cast(pl.Float64, strict=False)), absent
