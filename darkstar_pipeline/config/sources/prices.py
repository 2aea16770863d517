"""Settings of the sources of spot prices."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, model_validator

from darkstar_pipeline.config.base import Frozen

PriceSource = Literal[
    "nordpool", "elprisetjustnu", "energy_charts", "elering", "energi_data_service", "entsoe", "octopus", "awattar",
    "tibber", "home_assistant",
]  # fmt: skip
"""Sources of spot prices, by the names that `sources.prices.order` has."""
PRICE_SOURCES: tuple[PriceSource, ...] = get_args(PriceSource)


class PriceSourceSettings(Frozen):
    """Sources of spot prices, in the order in which they are asked."""

    order: tuple[PriceSource, ...] = Field(
        default=(),
        description="sources that are asked in turn until one gives the day; empty: nothing is fetched by itself",
    )
    cross_check: bool = Field(
        default=True, description="true: compare the first two sources that give a day, and say where they differ"
    )
    entsoe_token_file: Path | None = Field(
        default=None, description="file with the token of ENTSO-E's platform; or DARKSTAR_ENTSOE_TOKEN"
    )
    tibber_token_file: Path | None = Field(
        default=None, description="file with the token of Tibber's API; or DARKSTAR_TIBBER_TOKEN"
    )
    octopus_tariff: str | None = Field(
        default=None,
        pattern=r"^E-\dR-[A-Z0-9-]+-[A-P]$",
        description="tariff code of Octopus Agile with its region, such as E-1R-AGILE-24-10-01-C; null: none",
    )

    @model_validator(mode="after")
    def _names_each_source_once(self) -> "PriceSourceSettings":
        twice = sorted({name for name in self.order if self.order.count(name) > 1})
        if twice:
            message = f"sources.prices.order names {', '.join(twice)} more than once"
            raise ValueError(message)
        if "octopus" in self.order and self.octopus_tariff is None:
            message = "sources.prices.order has octopus: give its tariff code in sources.prices.octopus_tariff"
            raise ValueError(message)
        return self
