"""An answer of a weather service: values at instants, and means or energies of spans."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from darkstar_pipeline.config.validation import describe_validation
from darkstar_pipeline.errors import DataRefusedError
from env.time_grid import SLOT_DTYPE

MOMENT_VALUES = ("temp_c", "cloud_percent")
MOMENTS = pl.Schema({"at": SLOT_DTYPE, "temp_c": pl.Float64(), "cloud_percent": pl.Float64()})
STORMS = pl.Schema({"at": SLOT_DTYPE, "gust_ms": pl.Float64(), "thunder": pl.Boolean()})
SPANS = pl.Schema({"start": SLOT_DTYPE, "end": SLOT_DTYPE, "value": pl.Float64()})


class Shape(BaseModel):
    """Base of the shapes of answers: what we do not use may be there, numbers are finite and no switches."""

    # Without `strict`, true is 1 degree.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


Answer = TypeVar("Answer", bound=Shape)


@dataclass(frozen=True, kw_only=True)
class WeatherAnswer:
    """An answer of a weather service.

    Attributes:
        service: its name.
        moments: `at, temp_c, cloud_percent`: values at instants, null where it did not say.
        irradiance: `start, end, value`: mean global horizontal irradiance of spans [W/m2].
        pv: `start, end, value`: energy that the panels are expected to give in spans [kWh].
        storms: `at, gust_ms, thunder`: strongest gust of the hour that ends then [m/s] and whether it thunders.
        issued_at: when the service made the forecast; None where it does not say.
        place: latitude and longitude that it speaks of; None where it does not say.
        minutes: resolution that it has, as a rule [min].
    """

    service: str
    moments: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MOMENTS))
    irradiance: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPANS))
    pv: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPANS))
    storms: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=STORMS))
    issued_at: datetime | None = None
    place: tuple[float, float] | None = None
    minutes: int = 60


def shaped(shape: type[Answer], content: bytes, service: str) -> Answer:
    """Return an answer in its documented shape.

    Raises:
        DataRefusedError: it is no JSON, or has another shape.
    """
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        start = " ".join(content[:60].decode("utf-8", errors="replace").split())
        wrong = describe_validation(error, whole="it")
        message = f"{service}: the answer is not as documented: {wrong}; it begins {start!r}"
        raise DataRefusedError(message, "try again later; if it stays so, the service has changed") from error


def moments(at: Sequence[datetime], temp_c: Sequence[float | None], cloud: Sequence[float | None]) -> pl.DataFrame:
    """Return values at instants in order, the last where an instant is given twice."""
    frame = pl.DataFrame({"at": _utc(at), "temp_c": temp_c, "cloud_percent": cloud}, schema=MOMENTS)
    return frame.unique("at", keep="last").sort("at")


def spans(start: Sequence[datetime], end: Sequence[datetime], value: Sequence[float | None]) -> pl.DataFrame:
    """Return spans in order, without those that have no value."""
    frame = pl.DataFrame({"start": _utc(start), "end": _utc(end), "value": value}, schema=SPANS)
    return frame.drop_nulls("value").unique("start", keep="last").sort("start")


def storms(at: Sequence[datetime], gust_ms: Sequence[float | None], thunder: Sequence[bool | None]) -> pl.DataFrame:
    """Return gusts and thunder of hours in order, without those that nothing is said of."""
    frame = pl.DataFrame({"at": _utc(at), "gust_ms": gust_ms, "thunder": thunder}, schema=STORMS)
    said = pl.any_horizontal(pl.col("gust_ms", "thunder").is_not_null())
    return frame.filter(said).unique("at", keep="last").sort("at")


def equally_long(service: str, **lists: Sequence[object]) -> None:
    """Refuse an answer whose lists are not equally long, or empty.

    Raises:
        DataRefusedError: they are not.
    """
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataRefusedError(f"{service}: the answer is cut short: values of {told}", "ask again")


def _utc(instants: Sequence[datetime]) -> list[datetime]:
    return [instant.astimezone(UTC) for instant in instants]
