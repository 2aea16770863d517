"""The catalogue: dated taxes, feed-in rules and grid companies' tariffs, read from a data file a country.

Every value names its source and the days it holds for. What could not be verified is not in it.
"""

from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files

from pydantic import Field

from darkstar_pipeline.config.base import Frozen
from darkstar_pipeline.config.countries import country_of, usual_area_name
from darkstar_pipeline.config.tariff import PowerTariffSettings, TimeOfUseSettings
from darkstar_pipeline.config.yaml_file.document import read_yaml
from darkstar_pipeline.errors import ConfigurationError

NO_COMPANY = "none"
"""Name of the choice of taxes alone."""


class Dated(Frozen):
    """Values that hold for some days.

    Attributes:
        valid_from: first local day.
        valid_until: last local day that they are known for; None where no end was published.
        source: where they are from.
    """

    valid_from: date
    valid_until: date | None = None
    source: str


class Tax(Dated):
    """A country's taxes on import [money/kWh, before VAT]; None where a value is not known.

    Attributes:
        areas: price areas it holds in; empty for all.
        levy: what is paid per kWh on top of the tax, the same everywhere.
    """

    areas: tuple[str, ...] = ()
    vat: float
    energy_tax: float | None
    levy: float = 0.0


class FeedIn(Dated):
    """Pay for export on top of the spot price [money/kWh], and its conditions."""

    export_bonus: float
    needs_pv: bool = False
    note: str = ""


class GridTariff(Dated):
    """A grid company's fees in force for some days [money before VAT]; None where a value is not known."""

    transfer_fee: float | None
    time_of_use: tuple[TimeOfUseSettings, ...] = ()
    power: tuple[PowerTariffSettings, ...] = ()


class GridCompany(Frozen):
    """A grid company's product for homes."""

    id: str
    name: str
    areas: tuple[str, ...]
    customers: str = Field(alias="for")
    tariffs: tuple[GridTariff, ...] = Field(min_length=1)


class CountryTariffs(Frozen):
    """A country's part of the catalogue.

    Attributes:
        note: what it cannot know of a home.
        note_areas: price areas that the note is for; empty for all.
    """

    country: str
    note: str = ""
    note_areas: tuple[str, ...] = ()
    taxes: tuple[Tax, ...]
    feed_in: tuple[FeedIn, ...] = ()
    companies: tuple[GridCompany, ...]

    def note_for(self, area: str | None) -> str:
        """Return what the catalogue cannot know of a home in an area (None: in any); empty where there is nothing."""
        return self.note if area is None or not self.note_areas or usual_area_name(area) in self.note_areas else ""


@lru_cache(maxsize=1)
def catalogue() -> tuple[CountryTariffs, ...]:
    """Return the catalogue, a part a country."""
    folder = files("darkstar_pipeline.config.tariffs") / "data"
    texts = sorted((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return tuple(CountryTariffs.model_validate(read_yaml(text).values) for name, text in texts if name.endswith("yaml"))


def tariffs_in(area: str) -> CountryTariffs | None:
    """Return the part of the catalogue that holds in a price area; None for other countries."""
    country = country_of(area)
    return next((part for part in catalogue() if country is not None and part.country == country.code), None)


def companies_in(area: str | None) -> list[GridCompany]:
    """Return the grid companies with homes in a price area; all of the catalogue where none is named."""
    if area is None:
        return [company for part in catalogue() for company in part.companies]
    part, name = tariffs_in(area), usual_area_name(area)
    return [each for each in part.companies if name in each.areas] if part is not None else []


def find_company(area: str, word: str) -> GridCompany | None:
    """Return the grid company that is meant in a price area; None where the taxes alone are.

    Raises:
        ConfigurationError: the catalogue does not have it there.
    """
    there = companies_in(area)
    wanted = word.strip().casefold()
    if wanted == NO_COMPANY:
        return None
    for company in there:
        if wanted in (company.id, company.name.casefold()):
            return company
    ids = [company.id for company in there]
    if not ids:
        message = f"the catalogue has no grid company in {area}"
        raise ConfigurationError(message, f"--grid-company {NO_COMPANY}, and put in the fees of your bill")
    close = get_close_matches(wanted, ids, n=1, cutoff=0.4)
    meant = f"did you mean {close[0]}?" if close else f"give one of {', '.join(ids)}, or {NO_COMPANY}"
    raise ConfigurationError(f"grid company {word!r} is not in the catalogue for {area}", meant)
