"""`darkstar init`: write a commented `darkstar.yaml`, prompting only for what cannot be guessed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document

if TYPE_CHECKING:
    from darkstar_pipeline.config.site import SiteSettings

DEFAULT_SITE = "home"

ZONE_AND_CURRENCY = {
    "SE": ("Europe/Stockholm", "SEK"),
    "NO": ("Europe/Oslo", "NOK"),
    "DK": ("Europe/Copenhagen", "DKK"),
    "FI": ("Europe/Helsinki", "EUR"),
    "EE": ("Europe/Tallinn", "EUR"),
    "LV": ("Europe/Riga", "EUR"),
    "LT": ("Europe/Vilnius", "EUR"),
    "DE": ("Europe/Berlin", "EUR"),
    "NL": ("Europe/Amsterdam", "EUR"),
    "BE": ("Europe/Brussels", "EUR"),
    "FR": ("Europe/Paris", "EUR"),
    "AT": ("Europe/Vienna", "EUR"),
}
"""Time zone and currency by the first two letters of a price area; other areas get the defaults."""


def init(
    call: Call,
    *,
    area: Annotated[str | None, typer.Option("--area", metavar="AREA", help="Price area, such as SE4.")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="IANA time zone; by default the price area's.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults without prompting.")] = False,
) -> Document:
    """Write a commented darkstar.yaml, or add a site to it."""
    from darkstar_pipeline.config.settings import config_path, load_settings
    from darkstar_pipeline.config.writer import SiteExistsError, add_site

    path = config_path()
    name = call.site if call.site is not None else DEFAULT_SITE
    if path.exists() and name in load_settings(path).sites:
        raise SiteExistsError(name, path)
    answers = _ask(area) if call.can_prompt and not yes else {"area": area}
    site = _site(answers, timezone)
    add_site(path, name, site)
    if site.currency != "SEK":
        call.note(f"the fees and the wear written for {name} are Swedish; replace them with those of your bill")
    document = {
        "site": name,
        "path": str(path),
        "area": site.area,
        "timezone": site.timezone,
        "currency": site.currency,
    }
    lines = (
        f"{path}: site {name}, area {site.area}, {site.timezone}",
        "Next: check battery and fees in that file, then `darkstar import …`",
    )
    return Document(document, lambda out: out.print("\n".join(lines), markup=False))


def _ask(area: str | None) -> dict[str, Any]:
    """Prompt for the price area, and the battery's capacity and power."""
    from darkstar_pipeline.config.battery import BatterySettings
    from darkstar_pipeline.config.site import SiteSettings

    usual, battery = SiteSettings.model_validate({}), BatterySettings.model_validate({})
    chosen = area if area is not None else typer.prompt("Price area", default=usual.area, err=True)
    capacity = typer.prompt("Battery capacity [kWh]", default=battery.capacity_kwh, type=float, err=True)
    power = typer.prompt("Battery power [kW]", default=battery.charge_kw, type=float, err=True)
    return {"area": chosen, "battery": {"capacity_kwh": capacity, "charge_kw": power, "discharge_kw": power}}


def _site(answers: dict[str, Any], timezone: str | None) -> "SiteSettings":
    """Return the site's settings from the answers.

    Raises:
        ConfigurationError: a value is impossible.
    """
    from pydantic import ValidationError

    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.validation import describe_validation
    from darkstar_pipeline.errors import ConfigurationError

    given = {key: value for key, value in answers.items() if value is not None}
    zone, currency = ZONE_AND_CURRENCY.get(str(given.get("area", ""))[:2].upper(), (None, None))
    guessed = {"timezone": timezone if timezone is not None else zone, "currency": currency}
    given |= {key: value for key, value in guessed.items() if value is not None}
    try:
        return SiteSettings.model_validate(given)
    except ValidationError as error:
        raise ConfigurationError(describe_validation(error, whole="the site"), "give other values") from error
