"""The long-term statistics that are taken for a quantity: one sensor's, or parts that are summed hour by hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.home_assistant.naming.sensor_parts import wholes_of
from darkstar_pipeline.sources.home_assistant.sensor_names import Subject


@dataclass(frozen=True, kw_only=True)
class StatisticsChoice:
    """The sensors whose statistics are taken.

    Attributes:
        sums: sets of sensors that are summed.
        left_out: sensors that are not taken.
        notes: remarks for the person who imports.
    """

    sums: tuple[frozenset[str], ...] = ()
    left_out: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def choose_statistics(
    subjects: Mapping[str, Subject], energies: Sequence[Subject], given: Sequence[frozenset[str]] = ()
) -> StatisticsChoice:
    """Return the sensors whose statistics are taken.

    Args:
        subjects: quantity by sensor.
        energies: the quantities of which one sensor or sum is wanted.
        given: sets of sensors that the person sums.

    Raises:
        DataRefusedError: two sensors claim the same quantity with equal right.
    """
    sums: list[frozenset[str]] = []
    left_out: set[str] = set()
    notes: list[str] = []
    for subject in energies:
        names = [entity for entity, own in subjects.items() if own is subject]
        wanted = [some for some in given if some <= set(names)]
        wholes = wanted or [frozenset(whole.parts) for whole in wholes_of(names)]
        singles = [name for name in names if not any(name in whole for whole in wholes)]
        if wanted or (wholes and not singles):
            sums.append(wholes[0])
            left_out |= set(names) - wholes[0]
            notes.append(f"{' + '.join(sorted(wholes[0]))}: their statistics are summed as {subject.value}")
        elif wholes:
            left_out |= {name for whole in wholes for name in whole}
        if len({_stem(name) for name in singles}) + len(wholes if not singles else ()) > 1 and not wanted:
            raise _rivals(singles or names, subject)
    notes += [f"{name}: its statistics are left out, the total is taken" for name in sorted(left_out)]
    return StatisticsChoice(sums=tuple(sums), left_out=frozenset(left_out), notes=tuple(notes))


def _rivals(names: Sequence[str], subject: Subject) -> DataRefusedError:
    message = f"{' and '.join(names)} are both statistics of {subject.value}"
    return DataRefusedError(message, f"keep one: --map {names[-1]}=ignore")


def _stem(entity: str) -> str:
    """A column's name without what says how it was computed."""
    return entity.removesuffix("_cum").removesuffix("_delta")


def one_a_start(parts: pl.DataFrame, sums: Sequence[frozenset[str]], weights: Mapping[str, float]) -> pl.DataFrame:
    """Return one row per start and column: the last of equals, and sums of which every term is there.

    Args:
        parts: `[hour_start, column, energy_kwh, entity]`.
        sums: sets of sensors that are summed.
        weights: -1 by sensor that is subtracted.
    """
    keys = ["hour_start", "column"]
    apart = parts.unique([*keys, "entity"], keep="last", maintain_order=True)
    summed = [
        apart.filter(pl.col("entity").is_in(list(terms)))
        .with_columns(pl.col("energy_kwh") * pl.col("entity").replace_strict(dict(weights), default=1.0))
        .group_by(keys, maintain_order=True)
        .agg(pl.col("energy_kwh").sum().clip(lower_bound=0.0), pl.len().alias("_terms"))
        .filter(pl.col("_terms") == len(terms))
        .drop("_terms")
        for terms in sums
    ]
    of_sums = [entity for terms in sums for entity in terms]
    singles = apart.filter(~pl.col("entity").is_in(of_sums)).drop("entity")
    return pl.concat([singles, *summed]).unique(keys, keep="last", maintain_order=True).sort(keys)
