"""Faults outside the service: killed while it steers, Home Assistant away, MQTT gone, disordered states.

Home Assistant is a real one (`scripts/home_assistant.sh` makes its environment), the broker is mosquitto.
"""

import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from benchmarks.fault_injection.fault_list import Lab
from benchmarks.fault_injection.real_home_assistant import HASS, RealHomeAssistant, home_assistant
from benchmarks.homes.fresh_home import FreshHome
from benchmarks.homes.served_home import SITE, Serving, serving
from darkstar_pipeline.errors import OutsideServiceError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import METER_READINGS

CHARGE, DISCHARGE = "input_number.charge_power", "input_number.discharge_power"
LEASE_MINUTES = 0.2
WAIT_SECONDS = 60.0
MARK_WATTS = 1234.0
"""Power that another program sets: control writes the command again, or the guard sets the default."""


@dataclass
class _House:
    """A home whose service steers a Home Assistant and publishes through a broker."""

    lab: Lab
    assistant: RealHomeAssistant
    broker_port: int


def outside_faults(lab: Lab) -> tuple[float, dict[str, str]]:
    """Inject every one of them.

    Returns:
        Seconds until the inverter was at its default after the service was killed, and by fault the failed
        expectation, empty where all held.
    """
    troubles: dict[str, str] = {"sensor states twice, disordered, in W and kW": disordered(lab)}
    with home_assistant(lab.home.folder / "assistant") as assistant, _broker(lab.home.folder) as broker:
        house = _House(lab, assistant, broker[0])
        _configure(house)
        variables = {TOKEN_VARIABLE: assistant.token}
        with serving(lab.home, None, **variables) as service:
            service.until_planned()
            troubles["inverter changed by another program"] = _command_restored(house)
            troubles["MQTT broker gone and back"] = _broker_gone(service, broker[1])
            troubles["Home Assistant restarting"] = _assistant_restarts(house, service)
            assistant.set(CHARGE, MARK_WATTS)
            service.process.kill()
            service.process.wait()
            killed = time.perf_counter()
        default = _until(lambda: assistant.number(CHARGE) == 0 and assistant.number(DISCHARGE) > 0)
        seconds = time.perf_counter() - killed
        troubles["service killed while it steers"] = "" if default else "the inverter is not at its default"
    return seconds, troubles


def check_tools() -> None:
    """Check that Home Assistant and mosquitto are there.

    Raises:
        OutsideServiceError: one is missing.
    """
    missing = [
        name for name, path in (("Home Assistant", HASS), ("mosquitto", Path(_mosquitto()))) if not path.exists()
    ]
    if missing:
        message = f"{' and '.join(missing)} not installed"
        raise OutsideServiceError(message, "make tools, or use --short, which needs neither")


def _mosquitto() -> str:
    return shutil.which("mosquitto") or "/usr/sbin/mosquitto"


def _configure(house: _House) -> None:
    """Configure the service to steer that Home Assistant and to publish by MQTT."""
    path = house.lab.home.folder / "darkstar.yaml"
    document = yaml.safe_load(path.read_text())
    control = {
        "enabled": True,
        "dry_run": False,
        "profile": "power",
        "mapping": {"charge": CHARGE, "discharge": DISCHARGE},
        "lease_minutes": LEASE_MINUTES,
        "confirm_seconds": 4.0,
        "writes_per_day": 5000,
    }
    mqtt = {"enabled": True, "host": "127.0.0.1", "port": house.broker_port}
    sensors = {"soc": "sensor.battery_soc", "load": "sensor.house_load", "pv": "sensor.solar_power"}
    document["sites"][SITE]["home_assistant"] = {
        "url": house.assistant.url,
        "control": control,
        "mqtt": mqtt,
        "sensors": sensors,
    }
    path.write_text(yaml.safe_dump(document))


def _until(holds: Callable[[], bool], seconds: float = WAIT_SECONDS) -> bool:
    """Wait until something holds and return whether it does; an exception counts as not yet."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        try:
            if holds():
                return True
        except Exception:  # noqa: BLE001, S110 - a service that is away fails in any of a dozen ways
            pass
        time.sleep(0.2)
    return False


def _command_restored(house: _House) -> str:
    """Let another program change the inverter: the command in force is written again."""
    house.assistant.set(CHARGE, MARK_WATTS)
    restored = _until(lambda: house.assistant.number(CHARGE) != MARK_WATTS)
    return "" if restored else "the other program's power stays"


def _well(service: Serving, name: str) -> bool:
    """Return whether a component of the service is well."""
    parts = service.client.get("/health").json()["components"]
    return any(part["name"] == name and part["ok"] for part in parts)


def _broker_gone(service: Serving, restart: Callable[[], None]) -> str:
    """Stop the broker and start it again."""
    if not _until(lambda: _well(service, "mqtt")):
        return "the broker was never reached"
    restart()
    if service.client.get("/plan").status_code != 200:  # noqa: PLR2004 - of HTTP
        return "no plan while the broker was away"
    return "" if _until(lambda: _well(service, "mqtt")) else "the broker is not reached again"


def _assistant_restarts(house: _House, service: Serving) -> str:
    """Kill Home Assistant and start it again."""
    house.assistant.kill()
    if not _until(lambda: not _well(service, "control")):
        return "the health does not report that Home Assistant is away"
    if service.client.get("/command").status_code != 200:  # noqa: PLR2004 - of HTTP
        return "no command while Home Assistant was away"
    house.assistant.start()
    return "" if _until(lambda: _well(service, "control")) else "control does not come back"


@contextmanager
def _broker(folder: Path) -> Iterator[tuple[int, Callable[[], None]]]:
    """Run a mosquitto on a free port; yield the port and a function that kills it and starts it a second later."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    program = _mosquitto()
    running: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        quiet = subprocess.DEVNULL
        running.append(subprocess.Popen([program, "-c", str(config)], stdout=quiet, stderr=quiet))  # noqa: S603 - a fixed program of the lab

    def restart() -> None:
        running.pop().kill()
        time.sleep(1.0)
        start()

    start()
    try:
        yield port, restart
    finally:
        for process in running:
            process.kill()
            process.wait()


def disordered(lab: Lab) -> str:
    """Import the same states in order and doubled and disordered: the same readings; a changing unit is refused."""
    at = lab.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rng = random.Random(5)  # noqa: S311 - made-up readings
    moments = [at - timedelta(hours=6) + timedelta(minutes=minute) for minute in range(0, 361, 3)]
    watts = [round(rng.uniform(200, 3000)) for _ in moments]
    clean = [_state(moment, watt, "W") for moment, watt in zip(moments, watts, strict=True)]
    kilowatts = [_state(moment, watt / 1000, "kW") for moment, watt in zip(moments, watts, strict=True)]
    disordered = [*clean, *clean[::3]]
    rng.shuffle(disordered)
    one = _imported(lab, "clean", clean)
    if not one:
        return "nothing was read"
    for name, states in (("disordered", disordered), ("kilowatts", kilowatts)):
        other = _imported(lab, name, states) or {}
        worst = max(abs(one[start] - other.get(start, 0.0)) for start in one)
        if worst > 1e-3:  # noqa: PLR2004 - kWh of a slot, a kilowatt's last digit
            return f"{name}: readings differ by {worst:.3f} kWh"
    changing = [state if number % 2 else kilowatts[number] for number, state in enumerate(clean)]
    mixed = _imported(lab, "changing", changing)
    if mixed is not None and max(mixed.values(), default=0.0) > 1.0:  # 3 kW for a slot is 0.75 kWh
        return "a sensor that changes its unit was accepted"
    return ""


def _state(moment: datetime, value: float, unit: str) -> dict[str, object]:
    """Return a state as Home Assistant's history has it."""
    attributes = {"unit_of_measurement": unit, "device_class": "power", "state_class": "measurement"}
    when = moment.isoformat()
    return {
        "entity_id": "sensor.house_load",
        "state": str(value),
        "attributes": attributes,
        "last_changed": when,
        "last_updated": when,
    }


def _imported(lab: Lab, name: str, states: list[dict[str, object]]) -> dict[datetime, float] | None:
    """Import states into a home of their own and return the load by slot [kWh]; None where they are refused."""
    folder = lab.home.folder / f"disorder-{name}"
    folder.mkdir()
    shutil.copy(lab.kept / "darkstar.yaml", folder / "darkstar.yaml")
    (folder / "history.json").write_text(json.dumps([states]))
    home = FreshHome(folder)
    code, _ = home.attempt("import", "ha", "history.json", "--map", "sensor.house_load=load_kwh")
    if code:
        return None
    rows = Lake(home.state / "lake").read(METER_READINGS, SITE)
    return dict(zip(rows["slot_start"].to_list(), rows["load_kwh"].to_list(), strict=True))
