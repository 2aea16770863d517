"""Settings of planning and of its measurement: forecasts, how steady MPC is, and the protocol of evaluation."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen, SettingError
from env.time_grid import zone

MOST_HOURS_FROM_SUN = 4.0
"""The clock of no inhabited place differs more from the sun's [h]; the west of China has 3."""
HOURS_OF_EARTH = 24.0
DEGREES_PER_HOUR = 15.0


class ProtocolSettings(Frozen):
    """The protocol of evaluation: daily episodes with the same start and settlement for every policy."""

    start_soc_percent: float = Field(
        default=50.0, ge=0, le=100, description="state of charge at which every day starts [%]"
    )
    settlement_value: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="value of a stored kWh at the end of a day [money/kWh]; null: the day's median import price "
        "x discharge efficiency - wear, not below 0",
    )

    @model_validator(mode="after")
    def _in_percent(self) -> "ProtocolSettings":
        if 0 < self.start_soc_percent < 1:
            value = self.start_soc_percent
            raise SettingError(
                ("start_soc_percent",),
                f"start_soc_percent {value:g} looks like a share: in percent it is {value * 100:g}",
            )
        return self


class MpcSettings(Frozen):
    """Hysteresis and write budget of MPC: every write wears the inverter's memory and disturbs people."""

    hysteresis_kwh: float = Field(
        default=0.005,
        ge=0,
        le=100,
        description="a new command is written if it moves at least this energy, or saves its price [kWh]",
    )
    writes_per_day: int | None = Field(
        default=32, ge=2, description="maximum changes of the inverter's command on a local day; null: no limit"
    )


class PanelPlane(Frozen):
    """Panels that lie in one plane of a roof."""

    kw: float = Field(gt=0, le=10_000, description="rated power of these panels, kWp [kW]")
    tilt: float = Field(default=30.0, ge=0, le=90, description="tilt of these panels from the horizontal [deg]")
    azimuth: float = Field(
        default=180.0, ge=0, le=360, description="direction that these panels face, clockwise from north [deg]"
    )


class ForecastSettings(Frozen):
    """The forecasts of load and PV that plans rest on."""

    model: Literal["auto", "naive", "aurora"] = Field(
        default="auto",
        description="naive: mean of recent days; aurora: the trained model; auto: aurora where one is promoted",
    )
    days_ahead: int = Field(
        default=1, ge=1, le=7, description="days after its own day that a forecast of Aurora covers"
    )
    training_days: int = Field(default=400, ge=14, le=3000, description="most recent days that Aurora is trained on")
    latitude: float | None = Field(
        default=None, ge=-90, le=90, description="latitude of the panels, north positive [deg]"
    )
    longitude: float | None = Field(
        default=None, ge=-180, le=180, description="longitude of the panels, east positive [deg]"
    )
    tilt: float = Field(default=30.0, ge=0, le=90, description="tilt of the panels from the horizontal [deg]")
    azimuth: float = Field(
        default=180.0, ge=0, le=360, description="direction that the panels face, clockwise from north [deg]"
    )
    panels_kw: float | None = Field(
        default=None,
        gt=0,
        le=10_000,
        description="rated power of the panels, kWp; a forecast above it is capped [kW]; null: unknown",
    )
    panels: tuple[PanelPlane, ...] = Field(
        default=(),
        description="planes of a roof of several, such as [{kw: 4.2, tilt: 30, azimuth: 90}, {kw: 3, azimuth: 270}], "
        "instead of tilt, azimuth and panels_kw; empty: one plane",
    )
    holidays_of: str | None = Field(
        default=None, description="country (ISO 3166) whose public holidays count as days off; null: none"
    )
    correct_bias: bool = Field(
        default=False,
        description="true: scale a new home's naive forecasts by their mean error, until it has 14 days of readings",
    )
    load_days: int = Field(default=7, ge=1, le=60, description="days whose mean, slot by slot, forecasts the load")
    pv_days: int = Field(default=3, ge=1, le=60, description="days whose mean, slot by slot, forecasts the PV")

    @property
    def rated_kw(self) -> float | None:
        """Rated power of all panels [kW]; None where it is not known."""
        return sum(plane.kw for plane in self.panels) if self.panels else self.panels_kw

    @model_validator(mode="after")
    def _has_one_way_of_the_panels(self) -> "ForecastSettings":
        usual = type(self).model_fields
        single = ("tilt", "azimuth", "panels_kw")
        doubled = [name for name in single if self.panels and getattr(self, name) != usual[name].default]
        if doubled:
            message = f"forecast.panels has the {' and '.join(doubled)} of each plane: remove that beside it"
            raise ValueError(message)
        return self

    def check_place(self, timezone: str) -> None:
        """Refuse a place that is far from its time zone: a sign was lost, or the two numbers changed places.

        Args:
            timezone: of the site.

        Raises:
            ValueError: it is.
        """
        if self.longitude is None:
            return
        offset = datetime(2025, 1, 15, tzinfo=zone(timezone)).utcoffset() or timedelta()
        away = (offset / timedelta(hours=1) - self.longitude / DEGREES_PER_HOUR) % HOURS_OF_EARTH
        if min(away, HOURS_OF_EARTH - away) > MOST_HOURS_FROM_SUN:
            remedy = "east is positive, and latitude is the first of the two"
            message = f"forecast.longitude {self.longitude:g} is not in the time zone {timezone}: {remedy}"
            raise ValueError(message)

    @model_validator(mode="after")
    def _names_a_place(self) -> "ForecastSettings":
        if (self.latitude is None) != (self.longitude is None):
            message = "a place needs both latitude and longitude"
            raise ValueError(message)
        if self.latitude == 0 and self.longitude == 0:
            message = "latitude 0 and longitude 0 are in the sea off Africa: give those of the panels, or null for both"
            raise ValueError(message)
        return self
