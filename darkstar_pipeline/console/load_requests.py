"""Load requests from the command line: a car to charge, appliances to run, vacation; and moments in time."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from darkstar_pipeline.console.failures import UsageError

if TYPE_CHECKING:
    from planner.optimizer.deferrable_loads import LoadRequests


def parse_instant(option: str, text: str | None, timezone: str) -> datetime:
    """Return the given moment in UTC; now, where none is given.

    Raises:
        UsageError: the text is not a date and time.
    """
    from env.time_grid import zone

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone(timezone))).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"{option}: {text!r} is not a date and time (expected 2026-01-31T14:00)"
        raise UsageError(message, "write it in local time, or with its offset") from error


def parse_load_requests(
    start: datetime, timezone: str, *, car: str | None, appliances: Sequence[str], vacation: bool
) -> "LoadRequests":
    """Return the requests for deferrable loads.

    Args:
        start: start of the plan's first slot, before which nothing may begin.
        timezone: of moments without an offset.
        car: `KWH=[FROM/]BY`, energy to charge and when the car is there; None: no request.
        appliances: `NAME=[FROM/]BY`, each to run once in that time.
        vacation: true while nobody is at home.

    Raises:
        UsageError: a request cannot be parsed.
    """
    from planner.optimizer.deferrable_loads import ApplianceRequest, HeaterRequest, LoadRequests, VehicleRequest

    vehicle = None
    if car is not None:
        amount, arrives, departs = _parse_request("--car", car, start, timezone)
        vehicle = VehicleRequest(arrives=arrives, departs=departs, energy_kwh=_parse_energy(amount))
    runs: list[ApplianceRequest] = []
    for text in appliances:
        name, earliest, latest = _parse_request("--appliance", text, start, timezone)
        runs.append(ApplianceRequest(name=name, earliest=earliest, latest=latest))
    return LoadRequests(heater=HeaterRequest(vacation=vacation), vehicle=vehicle, appliances=tuple(runs))


def _parse_request(option: str, text: str, start: datetime, timezone: str) -> tuple[str, datetime, datetime]:
    """Return the left-hand side of a request, its earliest start and its latest end."""
    subject, _, window = text.partition("=")
    begin, _, end = window.rpartition("/")
    if not (subject and end):
        example = "20=2026-01-31T07:00" if option == "--car" else "dishwasher=2026-01-31T07:00"
        message = f"{option}: {text!r} does not name both a load and a time (expected {example})"
        raise UsageError(message, "put FROM/ before the time to give an earliest start")
    first = max(start, parse_instant(option, begin, timezone)) if begin else start
    return subject, first, parse_instant(option, end, timezone)


def _parse_energy(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        message = f"--car: {text!r} is not an energy in kWh (expected 20=2026-01-31T07:00)"
        raise UsageError(message, "write the energy before the equals sign") from error
