"""`darkstar init --home-assistant URL`: what is found in a Home Assistant, and the questions on what is uncertain."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkstar_pipeline.commands.setup.inverter import FoundInverter, inverter_in
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.prompts import prompt

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.config.site import SiteSettings
    from darkstar_pipeline.config.sources.prices import PriceSource
    from darkstar_pipeline.fetching.readings.proposal.home_facts import HomeFacts
    from darkstar_pipeline.fetching.readings.proposal.mapping import Option, Proposal, Question

TOKEN_FILE = "home_assistant_token"  # noqa: S105 - the name of a file
_HEADINGS = {"setting": "measures", "sensor": "sensor", "because": "because"}


@dataclass(frozen=True, kw_only=True)
class FoundHome:
    """A home as it was found in a Home Assistant.

    Attributes:
        facts: what it tells of the home.
        proposal: its sensors.
        inverter: its inverter.
        settings: settings of the site that it gives.
    """

    facts: "HomeFacts"
    proposal: "Proposal"
    inverter: FoundInverter
    settings: dict[str, Any]

    def with_place(self, given: dict[str, str | None], *, prompted: bool) -> dict[str, str | None]:
        """Return area, zone and currency, those of Home Assistant where none are given.

        Raises:
            ConfigurationError: nothing tells the price area, and the person cannot be asked.
        """
        from darkstar_pipeline.config.countries import country_of
        from darkstar_pipeline.errors import ConfigurationError

        area = given["area"] or self.facts.area
        if area is None and not prompted:
            message = "Home Assistant does not tell the price area"
            raise ConfigurationError(message, f"name it: --area {self.facts.areas or 'AREA'}")
        known = area is not None and country_of(area) is not None
        currency = given["currency"] or (None if known else self.facts.currency)
        return {"area": area, "timezone": given["timezone"] or self.facts.timezone, "currency": currency}

    @property
    def battery(self) -> dict[str, float]:
        """Return what is known of the battery's size and power."""
        known = {"capacity": self.facts.capacity_kwh, "power": self.facts.power_kw}
        return {name: value for name, value in known.items() if value is not None}

    @property
    def price_sources(self) -> "tuple[PriceSource, ...]":
        """Return the sources of prices that go before those of the area."""
        return ("home_assistant",) if self.facts.gives_prices else ()

    @property
    def has_pv(self) -> bool | None:
        """Return True where a sensor measures panels; None where none does."""
        return True if "pv" in self.proposal.chosen else None

    def shown(self, document: dict[str, Any], line: str, site: "SiteSettings") -> Document:
        """Return the answer of the command."""
        from darkstar_pipeline.home_assistant_api.nord_pool import NORD_POOL, PRICES_ACTION

        chosen, facts = self.proposal.chosen, self.facts
        rows = [{"setting": name, "sensor": each.terms, "because": each.because} for name, each in chosen.items()]
        rows += [
            {"setting": label, "sensor": f"{value:g} {unit}", "because": why if value == guess else "as you say"}
            for label, value, guess, unit, why in (
                (
                    "battery size",
                    site.battery.capacity_kwh,
                    facts.capacity_kwh,
                    "kWh",
                    facts.because.get("capacity_kwh", ""),
                ),
                ("battery power", site.battery.charge_kw, facts.power_kw, "kW", facts.because.get("power_kw", "")),
            )
        ]
        if self.price_sources:
            rows.append({"setting": "prices", "sensor": f"{NORD_POOL}.{PRICES_ACTION}", "because": "asked first"})
        share = self.proposal.unexplained
        balance = "" if share is None else f"{share:.1%} of the last week's load is unexplained by the other flows"
        document |= {
            "sensors": {name: {"terms": each.terms, "because": each.because} for name, each in chosen.items()},
            "left_out": list(self.proposal.notes),
            "unexplained": share,
            "price_order": list(site.sources.prices.order),
            "battery_kwh": site.battery.capacity_kwh,
            "battery_kw": site.battery.charge_kw,
            "inverter": self.inverter.document,
        }

        def draw(out: "Console") -> None:
            draw_table(out, rows, _HEADINGS)
            lines = [
                balance,
                *self.proposal.notes,
                *self.inverter.lines,
                line,
                "Next: `darkstar fetch readings`, then `darkstar doctor --data`",
            ]
            out.print("\n".join(each for each in lines if each), markup=False)

        return Document(document, draw)


def look_at_home(
    call: Call, url: str, token_file: Path | None, *, ca_file: Path | None = None, prompted: bool
) -> FoundHome:
    """Look at a Home Assistant and ask for what is uncertain.

    Args:
        call: the call of the command.
        url: its address.
        token_file: file with its token.
        ca_file: certificate authority that is trusted beside the system's.
        prompted: whether the person may be asked.

    Raises:
        ConfigurationError: there is no token.
        HomeAssistantError: Home Assistant does not answer as it should.
    """
    from darkstar_pipeline.fetching.readings.proposal.candidates import look_at
    from darkstar_pipeline.fetching.readings.proposal.home_facts import facts_of
    from darkstar_pipeline.fetching.readings.proposal.mapping import answered, propose
    from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket

    kept, token = _token(token_file, prompted=prompted)
    call.note(f"looking at {url} …")
    trusted = None if ca_file is None else ca_file.expanduser().absolute()
    with HomeAssistantSocket(url, token, ca_file=trusted, pauses=()) as socket:
        seen = look_at(socket, datetime.now(UTC))
        inverter = inverter_in(socket.entities(), seen.states)
    proposal = propose(seen)
    answers = {question.name: _answer(call, question, prompted=prompted) for question in proposal.questions}
    proposal = answered(proposal, answers, seen)
    facts = facts_of(seen, proposal)
    sensors = {name: option.terms for name, option in proposal.chosen.items()}
    if facts.price is not None:
        sensors["price"] = facts.price
    home = {"url": url.rstrip("/"), "token_file": None if kept is None else str(kept), "sensors": sensors}
    if control := inverter.control(facts.power_kw):
        home["control"] = control
    place = {} if facts.latitude is None else {"latitude": facts.latitude, "longitude": facts.longitude}
    settings = {"home_assistant": home, "forecast": place, "sources": {"ca_file": trusted and str(trusted)}}
    return FoundHome(facts=facts, proposal=proposal, inverter=inverter, settings=settings)


def _token(file: Path | None, *, prompted: bool) -> tuple[Path | None, str]:
    """Return the token, and the file that keeps it; one that is typed goes into a file of the state folder."""
    from darkstar_pipeline.config.settings import home_dir
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
    from darkstar_pipeline.state.secrets import secret
    from planner.artifacts.atomic_files import make_folder

    kept = None if file is None else file.expanduser().absolute()
    token = secret(TOKEN_VARIABLE, kept)
    if token is not None:
        return kept, token
    if not prompted:
        hint = f"create one in Home Assistant (your profile, Security); give --token-file FILE or {TOKEN_VARIABLE}"
        raise ConfigurationError("there is no token for Home Assistant", hint)
    typed = prompt("Long-lived access token of Home Assistant", hide_input=True).strip()
    kept = home_dir() / TOKEN_FILE if kept is None else kept
    make_folder(kept.parent)
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(f"{typed}\n")
    return kept, typed


def _answer(call: Call, question: "Question", *, prompted: bool) -> "Option | None":
    """Return what the person says measures a quantity; unasked the likeliest, or nothing, which is told."""
    options = question.options
    if not prompted:
        named = ", ".join(option.terms for option in options)
        if question.best is None:
            call.note(f"{question.name} is left out, it may be any of {named}: set home_assistant.sensors yourself")
            return None
        call.note(f"{question.name}: {options[question.best].terms} is taken, it balances best of {named}")
        return options[question.best]
    call.note(f"What measures {question.name}?")
    for number, option in enumerate(options, start=1):
        call.note(f"  {number}  {option.terms} ({option.because}; {_size(option)})")
    call.note("  0  none of these")
    default = None if question.best is None else question.best + 1
    number = -1
    while not 0 <= number <= len(options):
        number = int(prompt(f"0 to {len(options)}", type=int, default=default))
    return options[number - 1] if number else None


def _size(option: "Option") -> str:
    """Return the size of a sensor in words."""
    import numpy as np

    return f"{float(np.nansum(np.abs(option.week))):.1f} in the last week"
