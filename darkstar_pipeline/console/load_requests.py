"""What a person asks of a plan besides money: moments, the car, appliances, an empty house."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from darkstar_pipeline.console.failures import UsageError

if TYPE_CHECKING:
    from planner.optimizer.deferrable_loads import LoadRequests


def instant(option: str, text: str | None, timezone: str) -> datetime:
    """The moment that was named, in UTC; now, where none was.

    Raises:
        UsageError: the text is no moment.
    """
    from env.time_grid import zone

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} {text} is no moment"
        raise UsageError(message, "write it as 2026-01-31T14:00, local or with its offset") from error
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone(timezone))).astimezone(UTC)


def load_requests(
    start: datetime, timezone: str, *, car: str | None, appliances: Sequence[str], vacation: bool
) -> "LoadRequests":
    """What is asked of the movable loads.

    Args:
        start: start of the plan's first slot, the earliest that anything may begin.
        timezone: of moments without an offset.
        car: `KWH=[FROM/]BY`, what it is to take and when it is there; None leaves it out.
        appliances: `NAME=[FROM/]BY`, each to run once in between.
        vacation: whether nobody is at home.

    Raises:
        UsageError: a wish cannot be read.
    """
    from planner.optimizer.deferrable_loads import ApplianceRequest, HeaterRequest, LoadRequests, VehicleRequest

    vehicle = None
    if car is not None:
        amount, arrives, departs = _parts("--car", car, start, timezone)
        vehicle = VehicleRequest(arrives=arrives, departs=departs, energy_kwh=_energy(amount))
    runs: list[ApplianceRequest] = []
    for text in appliances:
        name, earliest, latest = _parts("--appliance", text, start, timezone)
        runs.append(ApplianceRequest(name=name, earliest=earliest, latest=latest))
    return LoadRequests(heater=HeaterRequest(vacation=vacation), vehicle=vehicle, appliances=tuple(runs))


def _parts(option: str, text: str, start: datetime, timezone: str) -> tuple[str, datetime, datetime]:
    """What is wished for, from when, and by when."""
    what, _, when = text.partition("=")
    begin, _, end = when.rpartition("/")
    if not (what and end):
        example = "20=2026-01-31T07:00" if option == "--car" else "dishwasher=2026-01-31T07:00"
        message = f"{option} {text} does not say what by when"
        raise UsageError(message, f"write it as {example}, or with FROM/ before the time")
    first = max(start, instant(option, begin, timezone)) if begin else start
    return what, first, instant(option, end, timezone)


def _energy(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        message = f"--car {text}=… is no energy"
        raise UsageError(message, "give kWh, such as 20=2026-01-31T07:00") from error
