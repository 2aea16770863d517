"""A home whose sensors have long-term statistics as Home Assistant answers them; its energies balance."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINE_HOURS = 240
"""Statistics by five minutes are kept for ten days."""
Reals = NDArray[np.float64]


@dataclass(frozen=True)
class StatisticsHome:
    """The hourly energies of a home [kWh] and its state of charge [%].

    Attributes:
        start: begin of the first hour.
        flows: energy by quantity, shape (n,).
        sensors: sensor by quantity; one that ends in `_power` has means instead of a counter.
    """

    start: datetime
    flows: dict[str, Reals]
    sensors: dict[str, str]

    @property
    def end(self) -> datetime:
        """The end of the last hour."""
        return self.start + timedelta(hours=len(self.flows["load"]))

    def statistic_ids(self) -> list[dict[str, Any]]:
        """The answer to `recorder/list_statistic_ids`."""
        return [
            {
                "statistic_id": sensor,
                "has_mean": not self.counts(sensor),
                "has_sum": self.counts(sensor),
                "name": None,
                "source": "recorder",
                "unit_class": "energy" if self.counts(sensor) else "power" if sensor.endswith("_power") else None,
                "statistics_unit_of_measurement": "kWh" if self.counts(sensor) else "%",
            }
            for sensor in self.sensors.values()
        ]

    def statistics(self, question: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The answer to `recorder/statistics_during_period`."""
        since, until = (datetime.fromisoformat(question[name]) for name in ("start_time", "end_time"))
        names = {sensor: quantity for quantity, sensor in self.sensors.items()}
        minutes = 5 if question["period"] == "5minute" else 60
        asked = [sensor for sensor in question["statistic_ids"] if sensor in names]
        answer = {sensor: self._rows(sensor, names[sensor], minutes, since, until) for sensor in asked}
        return {sensor: rows for sensor, rows in answer.items() if rows}

    def _rows(self, sensor: str, quantity: str, minutes: int, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """The rows of a sensor that begin in a period."""
        parts = 60 // minutes
        level = np.repeat(self.flows[quantity], parts)
        energy = level / parts if quantity != "soc" else level
        total = np.cumsum(energy) + 1000.0
        length = timedelta(minutes=minutes)
        kept = max(0, len(level) - FINE_HOURS * parts) if parts > 1 else 0
        rows: list[dict[str, Any]] = []
        for number in range(kept, len(level)):
            at = self.start + number * length
            if since <= at < until:
                period = {"start": _ms(at), "end": _ms(at + length)}
                if self.counts(sensor):
                    counted = {"sum": total[number] - 1000.0, "change": energy[number], "state": total[number]}
                    rows.append({**period, **{name: float(value) for name, value in counted.items()}})
                else:
                    rows.append({**period, "mean": float(level[number])})
        return rows

    def counts(self, sensor: str) -> bool:
        """Return whether a sensor is a counter."""
        return not sensor.endswith(("_power", "_soc"))


def statistics_home(start: datetime, hours: int, **sensors: str) -> StatisticsHome:
    """A home with PV and a battery that stores the surplus.

    Args:
        start: begin of the first hour.
        hours: number of hours.
        sensors: sensors by quantity, instead of the usual ones.
    """
    clock = (np.arange(hours) + start.hour) % 24
    load = 0.4 + 0.3 * (np.arange(hours) % 7) / 7 + 1.2 * np.isin(clock, (7, 18, 19))
    pv = np.clip(2.0 * np.sin((clock - 5) / 14 * np.pi), 0, None) * np.isin(clock, range(5, 20))
    charge, discharge, soc = np.zeros(hours), np.zeros(hours), np.zeros(hours)
    stored = 4.0
    for hour in range(hours):
        charge[hour] = min(max(pv[hour] - load[hour], 0.0), 2.0, 9.5 - stored)
        discharge[hour] = min(max(load[hour] - pv[hour], 0.0), 2.0, stored - 0.5)
        stored += charge[hour] - discharge[hour]
        soc[hour] = 10 * stored
    net = load + charge - pv - discharge
    flows = {
        "load": load,
        "pv": pv,
        "import": np.clip(net, 0, None),
        "export": np.clip(-net, 0, None),
        "charge": charge,
        "discharge": discharge,
        "soc": soc,
    }
    usual = {
        "load": "sensor.house_load_energy",
        "pv": "sensor.pv_energy",
        "import": "sensor.grid_import_energy",
        "export": "sensor.grid_export_energy",
        "charge": "sensor.battery_charge_energy",
        "discharge": "sensor.battery_discharge_energy",
        "soc": "sensor.battery_soc",
    }
    return StatisticsHome(start, flows, usual | sensors)


def home_until_now(days: int = 9, **sensors: str) -> StatisticsHome:
    """A home whose statistics end with the present hour."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return statistics_home(end - timedelta(days=days), 24 * days, **sensors)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
