"""`darkstar init`: write a commented `darkstar.yaml`, prompting only for what cannot be guessed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.setup.connection import (
    Connection,
    ask_area,
    note_tariff,
    note_usual_fees,
    read_area,
    read_positive,
)
from darkstar_pipeline.commands.setup.first_plan import make_first_plan
from darkstar_pipeline.commands.setup.home_assistant import look_at_home
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.prompts import prompt
from planner.currencies import SWEDISH_KRONA

if TYPE_CHECKING:
    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.sources.prices import PriceSource

DEFAULT_SITE = "home"
DEFAULT_AREA = "SE3"

CAPACITY_KWH, POWER_KW = 10.0, 5.0  # what most homes with a battery have; the settings' own default is larger


def init(  # noqa: PLR0913 - options of a command
    call: Call,
    *,
    area: Annotated[str | None, typer.Option("--area", metavar="AREA", help="Price area, such as SE4.")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="IANA time zone; by default the price area's.")
    ] = None,
    currency: Annotated[
        str | None,
        typer.Option("--currency", metavar="CODE", help="ISO code of the currency; by default the price area's."),
    ] = None,
    capacity: Annotated[
        float | None, typer.Option("--battery-kwh", metavar="KWH", help="Battery capacity; by default 10 kWh.")
    ] = None,
    power: Annotated[
        float | None, typer.Option("--battery-kw", metavar="KW", help="Battery power either way; by default 5 kW.")
    ] = None,
    fuse: Annotated[
        float | None, typer.Option("--fuse", metavar="A", help="Main fuse of three phases, in amperes.")
    ] = None,
    inverter: Annotated[
        float | None, typer.Option("--inverter-kw", metavar="KW", help="Power of the inverter.")
    ] = None,
    panels: Annotated[bool | None, typer.Option("--pv/--no-pv", help="Whether there are solar panels.")] = None,
    grid_company: Annotated[
        str | None,
        typer.Option(
            "--grid-company", metavar="ID", help="Of `darkstar tariffs list`; none: dated taxes without its fees."
        ),
    ] = None,
    home_assistant: Annotated[
        str | None,
        typer.Option("--home-assistant", metavar="URL", help="Address of your Home Assistant: it is asked first."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="Its long-lived access token; or DARKSTAR_HA_TOKEN."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="PEM", help="Authority of its certificate, for one of your own."),
    ] = None,
    start: Annotated[bool, typer.Option("--start", help="Then fetch, replay 60 days and make a first plan.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults without prompting.")] = False,
) -> Document:
    """Write a commented darkstar.yaml, or add a site to it.

    With --home-assistant it finds the sensors of the home, checks them by the balance of the last week, and asks for
    what is uncertain; --yes takes what is likeliest and says what was left out.
    """
    from darkstar_pipeline.config.settings import config_path, load_settings
    from darkstar_pipeline.config.writer import SiteExistsError, add_site
    from darkstar_pipeline.fetching.prices.services.all_services import advice_on_sources

    needs_home = {"--start": start, "--token-file": token_file is not None, "--ca-file": ca_file is not None}
    if home_assistant is None and any(needs_home.values()):
        named = next(option for option, is_given in needs_home.items() if is_given)
        raise UsageError(f"{named} needs a Home Assistant", f"darkstar init --home-assistant URL {named}")
    path = config_path()
    name = call.site if call.site is not None else DEFAULT_SITE
    if path.exists() and name in load_settings(path).sites:
        raise SiteExistsError(name, path)
    given = {"area": read_area(area) if area is not None else None, "timezone": timezone, "currency": currency}
    prompted = call.can_prompt and not yes
    found = None
    if home_assistant is not None:
        found = look_at_home(call, home_assistant, token_file, ca_file=ca_file, prompted=prompted)
    usual = {"capacity": CAPACITY_KWH, "power": POWER_KW}
    if found is not None:
        given = found.with_place(given, prompted=prompted)
        usual |= found.battery
        panels = found.has_pv if panels is None else panels
    answers = _ask(given) if prompted else given
    battery = _ask_battery(capacity, power, usual) if prompted else _battery(capacity, power, usual)
    connection = Connection(fuse_a=fuse, inverter_kw=inverter, has_pv=panels, grid_company=grid_company)
    place = answers["area"] or DEFAULT_AREA
    connection = connection.asked(place) if prompted else connection
    connected = connection.settings(place)
    first = () if found is None else found.price_sources
    site = _site({**answers, "battery": battery, **({} if found is None else found.settings)}, connected, first)
    if not prompted and (capacity is None or power is None):
        call.note(
            f"the battery of {name} is written as {site.battery.capacity_kwh:g} kWh and {site.battery.charge_kw:g} kW: "
            "give yours with --battery-kwh and --battery-kw, or correct it in that file"
        )
    add_site(path, name, site)
    if "tariff" in connected:
        note_tariff(call, site)
    else:
        note_usual_fees(call, name, site)
    if not site.sources.prices.order:
        call.note(f"no prices are fetched without a key: {advice_on_sources(site.area)}")
    document: dict[str, Any] = {
        "site": name,
        "path": str(path),
        "area": site.area,
        "timezone": site.timezone,
        "currency": site.currency,
    }
    line = f"{path}: site {name}, area {site.area}, {site.timezone}"
    if found is not None:
        shown = found.shown(document, line, site)
        return make_first_plan(call, shown, name) if start else shown
    lines = (line, "Next: check battery and fees in that file, then `darkstar fetch prices` and `darkstar import …`")
    return Document(document, lambda out: out.print("\n".join(lines), markup=False))


def _ask(given: dict[str, str | None]) -> dict[str, Any]:
    """Prompt for the price area and for what it does not tell."""
    from darkstar_pipeline.config.countries import country_of
    from darkstar_pipeline.config.site import SiteSettings

    usual = SiteSettings.model_validate({})
    area = given["area"] if given["area"] is not None else ask_area(usual.area)
    unknown = country_of(str(area)) is None
    zone, currency = given["timezone"], given["currency"]
    if unknown and zone is None:
        zone = prompt("Time zone, such as Europe/London")
    if unknown and currency is None:
        currency = prompt("Currency of its prices, such as GBP")
    return {"area": area, "timezone": zone, "currency": currency}


def _ask_battery(capacity: float | None, power: float | None, usual: dict[str, float]) -> dict[str, float]:
    """Prompt for what is not given of the battery."""
    if capacity is None:
        capacity = prompt("Battery capacity [kWh]", default=usual["capacity"], value_proc=read_positive)
    if power is None:
        power = prompt("Battery power [kW]", default=usual["power"], value_proc=read_positive)
    return _battery(capacity, power, usual)


def _battery(capacity: float | None, power: float | None, usual: dict[str, float]) -> dict[str, float]:
    """Return the battery's settings, the usual ones for what is not given."""
    power = usual["power"] if power is None else power
    return {
        "capacity_kwh": usual["capacity"] if capacity is None else capacity,
        "charge_kw": power,
        "discharge_kw": power,
    }


def _site(answers: dict[str, Any], connected: dict[str, Any], first: "tuple[PriceSource, ...]" = ()) -> "SiteSettings":
    """Return the site's settings from the answers, those of its connection, and the sources of prices to ask first.

    Raises:
        ConfigurationError: a value is impossible, or the area does not tell time zone and currency.
    """
    from pydantic import ValidationError

    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.validation import describe_validation
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.fetching.prices.services.all_services import default_order

    given = {key: value for key, value in answers.items() if value is not None}
    area = str(given["area"]) if "area" in given else DEFAULT_AREA
    given["sources"] = {**given.get("sources", {}), "prices": {"order": (*first, *default_order(area))}}
    if "area" in given:
        given |= _of_country(area, given)
    if isinstance(given.get("currency"), str):
        given["currency"] = _currency_code(given["currency"])
        if given["currency"] != SWEDISH_KRONA:
            given |= _without_swedish_fees(given)
    try:
        return SiteSettings.model_validate({**given, **connected})
    except ValidationError as error:
        raise ConfigurationError(describe_validation(error, whole="the site"), "give other values") from error


def _of_country(area: str, given: dict[str, Any]) -> dict[str, str]:
    """Return time zone and currency of a price area, where they are not given.

    Raises:
        ConfigurationError: the area does not tell what is missing.
    """
    from darkstar_pipeline.config.countries import areas_beside, country_of
    from darkstar_pipeline.errors import ConfigurationError

    country = country_of(area)
    known = {} if country is None else {"timezone": country.timezone, "currency": country.currency}
    missing = [name for name in ("timezone", "currency") if name not in given and name not in known]
    if missing:
        examples = {"timezone": "--timezone Europe/London", "currency": "--currency GBP"}
        other = f": it is none of {areas}" if (areas := areas_beside(area)) else ""
        raise ConfigurationError(
            f"the {' and the '.join(missing)} of price area {area!r} are not known{other}",
            f"for example: darkstar init --area {area or 'AREA'} {' '.join(examples[name] for name in missing)}",
        )
    return {name: value for name, value in known.items() if name not in given}


def _currency_code(text: str) -> str:
    """Return an ISO code in capitals.

    Raises:
        ConfigurationError: it is none.
    """
    from darkstar_pipeline.errors import ConfigurationError

    code = text.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):  # noqa: PLR2004 - the length of an ISO code
        raise ConfigurationError(f"currency {text!r} is no ISO code", "give three letters, such as EUR, GBP or HUF")
    return code


def _without_swedish_fees(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings whose defaults are Swedish money: no fees, and wear in the home's, for its file."""
    from darkstar_pipeline.config.battery import WEAR_IN_KRONOR
    from planner.currencies import worth

    wear = worth(WEAR_IN_KRONOR, given["currency"])
    known = {} if wear is None else {"wear_cost_per_kwh": wear}
    return {
        "battery": {**known, **given.get("battery", {})},
        "tariff": [{"vat": 0.0, "transfer_fee": 0.0, "energy_tax": 0.0}],
    }
