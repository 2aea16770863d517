"""`darkstar init`: what money depends on besides the battery: panels, inverter, fuse, and the grid's tariff."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.prompts import confirm, prompt
from darkstar_pipeline.errors import ConfigurationError
from planner.currencies import SWEDISH_KRONA

if TYPE_CHECKING:
    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.tariffs.catalogue import GridCompany

PHASES, VOLTS = 3, 230
_LEAST_FUSE_A, _MOST_FUSE_A = 6.0, 200.0
_SWEDEN, _SWEDISH_TRANSFER_FEE = "SE", 0.2456
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Answers on the home's connection; None where nothing was said.

    Attributes:
        fuse_a: main fuse of three phases [A]; 0 for no limit.
        inverter_kw: power of the inverter [kW]; 0 for no limit.
        has_pv: whether there are panels.
        grid_company: of the catalogue; `none` for dated taxes alone.
    """

    fuse_a: float | None = None
    inverter_kw: float | None = None
    has_pv: bool | None = None
    grid_company: str | None = None

    def asked(self, area: str) -> "Connection":
        """Return the answers with those that a person gives to what is open; who ends the input keeps it open."""
        fuse, inverter, panels, company = self.fuse_a, self.inverter_kw, self.has_pv, self.grid_company
        if panels is None:
            panels = _open_at_end(lambda: confirm("Solar panels?", default=True))
        if inverter is None:
            inverter = _open_at_end(
                lambda: prompt("Inverter power [kW], 0: no limit", default=0.0, value_proc=read_number)
            )
        if fuse is None:
            fuse = _open_at_end(
                lambda: prompt("Main fuse, three phases [A], 0: no limit", default=0.0, value_proc=_read_fuse)
            )
        if company is None:
            company = _open_at_end(lambda: _ask_company(area))
        return replace(self, fuse_a=fuse, inverter_kw=inverter, has_pv=panels, grid_company=company)

    def settings(self, area: str) -> dict[str, Any]:
        """Return the settings that the answers make.

        Raises:
            ConfigurationError: the fuse is none, or the catalogue does not have the company in that area.
        """
        limits: dict[str, float] = {}
        if self.fuse_a:
            limits["import_kw"] = round(_fuse(self.fuse_a) * PHASES * VOLTS / 1000, 2)
        if self.inverter_kw:
            limits["inverter_kw"] = self.inverter_kw
        found: dict[str, Any] = {"limits": limits} if limits else {}
        if self.has_pv is not None:
            found["has_pv"] = self.has_pv
        if self.grid_company is not None and (versions := self._tariff(area)):
            found["tariff"] = versions
        return found

    def _tariff(self, area: str) -> list[dict[str, Any]]:
        from darkstar_pipeline.config.countries import country_of
        from darkstar_pipeline.config.tariffs.catalogue import NO_COMPANY, find_company
        from darkstar_pipeline.config.tariffs.dated_versions import tariff_versions

        company = find_company(area, self.grid_company or NO_COMPANY)
        country = country_of(area)
        fee = _SWEDISH_TRANSFER_FEE if country is not None and country.code == _SWEDEN else 0.0
        return [each.model_dump() for each in tariff_versions(area, company, has_pv=self.has_pv, usual_fee=fee)]


def note_tariff(call: Call, site: "SiteSettings") -> None:
    """Say what is open of a tariff that the catalogue gave."""
    from darkstar_pipeline.config.checks.tariff_age import tariff_doubts
    from darkstar_pipeline.config.tariffs.catalogue import tariffs_in

    part = tariffs_in(site.area)
    told = "" if part is None else part.note_for(site.area)
    for text in (*([told] if told else []), *tariff_doubts(site, date.today())):  # noqa: DTZ011 - the person's own day
        call.note(text)


def note_usual_fees(call: Call, name: str, site: "SiteSettings") -> None:
    """Say what stands for the fees of a home that named no grid company, and how to have today's."""
    from darkstar_pipeline.config.checks.tariff_age import mend_tariff, tariff_doubts

    fees, mend = site.tariff[0], mend_tariff(name, site.area)
    if site.currency != SWEDISH_KRONA:
        call.note(
            f"no Swedish fees are written for {name}: VAT, transfer fee and energy tax are 0 until you fill in those "
            f"of your bill, and wear_cost_per_kwh {site.battery.wear_cost_per_kwh:g} {site.currency} is a guess; {mend}"
        )
    elif found := tariff_doubts(site, date.today()):  # noqa: DTZ011 - the person's own day
        written = f"transfer_fee {fees.transfer_fee:g} and energy_tax {fees.energy_tax:g} of {name} were usual once"
        call.note(f"{written}: {'; '.join(found)}; {mend}")


def read_area(text: str) -> str:
    """Return a price area as the market writes it.

    Raises:
        ConfigurationError: it is a country with several areas.
    """
    from darkstar_pipeline.config.countries import areas_beside, country_of, usual_area_name

    if country_of(text) is not None and (areas := areas_beside(text)):
        raise ConfigurationError(f"{text!r} is no price area", f"give one of {areas}")
    return usual_area_name(text)


def ask_area(usual: str) -> str:
    """Prompt for the price area until there is such a one, or one of a country that is not known."""

    def read(text: str) -> str:
        from darkstar_pipeline.config.countries import areas_beside

        if areas := areas_beside(text):
            message = f"{text} is no price area: give one of {areas}"
            raise typer.BadParameter(message)
        return read_area(text)

    return prompt("Price area", default=usual, value_proc=read)


def _ask_company(area: str) -> str | None:
    """Prompt for the grid company; None where the catalogue knows nothing of the country."""
    from darkstar_pipeline.config.tariffs.catalogue import NO_COMPANY, companies_in, tariffs_in

    if tariffs_in(area) is None:
        return None
    there = companies_in(area)
    for number, company in enumerate(there, start=1):
        typer.echo(f"  {number}  {company.name} ({company.customers})", err=True)
    typer.echo("  0  another: dated taxes, and the fees of your bill are up to you", err=True)

    def read(text: str) -> str:
        return _read_company(text, area, there)

    return prompt("Grid company", default="0", value_proc=read) if there else NO_COMPANY


def _read_company(text: str, area: str, there: "list[GridCompany]") -> str:
    """Return the company that a number or a name means.

    Raises:
        BadParameter: neither means one.
    """
    from darkstar_pipeline.config.tariffs.catalogue import NO_COMPANY, find_company

    word = text.strip()
    if word.isdigit() and int(word) <= len(there):
        return NO_COMPANY if int(word) == 0 else there[int(word) - 1].id
    try:
        company = find_company(area, word)
    except ConfigurationError as error:
        message = f"{error.message}: {error.hint}"
        raise typer.BadParameter(message) from error
    return NO_COMPANY if company is None else company.id


def _fuse(amperes: float) -> float:
    """Return a fuse that there is.

    Raises:
        ConfigurationError: it is none.
    """
    if not _LEAST_FUSE_A <= amperes <= _MOST_FUSE_A:
        message = f"a main fuse of {amperes:g} A is none of a home"
        raise ConfigurationError(message, f"give amperes, {_LEAST_FUSE_A:g} to {_MOST_FUSE_A:g}, such as 20")
    return amperes


def _read_fuse(text: object) -> float:
    """Return the amperes of a main fuse, 0 for none.

    Raises:
        BadParameter: it is no number, or no fuse.
    """
    amperes = read_number(text)
    try:
        return amperes and _fuse(amperes)
    except ConfigurationError as error:
        message = f"{error.message}: {error.hint}"
        raise typer.BadParameter(message) from error


def read_number(text: object) -> float:
    """Return a number that is not below 0.

    Raises:
        BadParameter: it is none.
    """
    try:
        number = float(str(text).replace(",", "."))
    except ValueError:
        number = math.nan
    if not number >= 0 or math.isinf(number):
        message = f"{str(text)!r} is no number of at least 0"
        raise typer.BadParameter(message)
    return number


def read_positive(text: object) -> float:
    """Return a number above 0.

    Raises:
        BadParameter: it is none.
    """
    if (number := read_number(text)) == 0:
        raise typer.BadParameter("0 is no battery: give a number above 0")
    return number


def _open_at_end(ask: Callable[[], _Answer]) -> _Answer | None:
    """Return an answer; None where the input ended, which is no reason to lose the answers before."""
    try:
        return ask()
    except typer.Abort as abort:
        if isinstance(abort.__context__, EOFError):
            return None
        raise
