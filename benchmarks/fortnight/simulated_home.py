"""A home in simulated time: true load and sun, a battery that does what its inverter is set to, and its Home Assistant.

The Home Assistant records counters and the state of charge every five minutes and answers as the real one does, with
the faults that a real one has. What really flowed stays on record here, so that readings and plans can be judged by it.
"""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl

from benchmarks.fault_injection.accelerated_days import SimulatedClock
from benchmarks.fault_injection.faulty_inverter import CHARGE, DISCHARGE, FaultyInverter
from darkstar_pipeline.config.home_assistant import HomeAssistantSensors
from darkstar_pipeline.home_assistant_api.failures import HomeAssistantError
from env.inverter import Command, apply_command
from env.site import Site
from env.time_grid import SLOT, slot_of

EVERY = timedelta(minutes=5)
SETTLED = timedelta(minutes=3)
"""What the inverter is set to so long after a slot began is what it does in that slot."""
SOC = "sensor.battery_soc"
COUNTERS = {
    "load_kwh": "sensor.house",
    "pv_kwh": "sensor.roof",
    "import_kwh": "sensor.grid_import",
    "export_kwh": "sensor.grid_export",
    "batt_charge_kwh": "sensor.battery_charge",
    "batt_discharge_kwh": "sensor.battery_discharge",
}
SENSORS = HomeAssistantSensors(
    soc=SOC,
    load=COUNTERS["load_kwh"],
    pv=COUNTERS["pv_kwh"],
    grid_import=COUNTERS["import_kwh"],
    grid_export=COUNTERS["export_kwh"],
    battery_charge=COUNTERS["batt_charge_kwh"],
    battery_discharge=COUNTERS["batt_discharge_kwh"],
)
SPIKE_KWH = 1000.0
HomeFault = Literal["away", "soc at 0", "soc unavailable", "soc silent", "not recorded", "unavailable", "spike"]
FAULT_MINUTES: Mapping[HomeFault, tuple[int, ...]] = {
    "away": (10, 120, 600),
    "soc at 0": (5, 20),
    "soc unavailable": (20, 180),
    "soc silent": (60, 300),
    "not recorded": (60, 240),
    "unavailable": (30, 180),
    "spike": (5,),
}
"""How long each fault lasts [min]."""


@dataclass
class HomeFaults:
    """The faults of Home Assistant: one every few hours, drawn at random, and those that were put in on purpose.

    Attributes:
        random: draws them.
        planned: further ones: begin, end and name.
        counts: how often each was put in.
    """

    random: random.Random
    planned: Sequence[tuple[datetime, datetime, HomeFault]] = ()
    counts: dict[str, int] = field(default_factory=dict[str, int])
    _name: HomeFault | None = None
    _until: datetime | None = None
    _next: datetime | None = None

    def at(self, now: datetime) -> HomeFault | None:
        """Return the fault of a moment; None for none."""
        for begin, end, name in self.planned:
            if begin <= now < end:
                self._name, self._until = name, end
                self.counts.setdefault(f"{name}, planned", 1)
                return name
        if self._until is not None and now < self._until:
            return self._name
        self._name = None
        if self._next is None or now >= self._next:
            first, self._next = self._next is None, now + timedelta(hours=self.random.uniform(2, 8))
            if not first:
                self._begin(now)
        return self._name

    def _begin(self, now: datetime) -> None:
        name = self.random.choice(tuple(FAULT_MINUTES))
        self.counts[name] = self.counts.get(name, 0) + 1
        self._name, self._until = name, now + timedelta(minutes=self.random.choice(FAULT_MINUTES[name]))


@dataclass
class SimulatedHome:
    """A home whose battery is steered.

    Attributes:
        site: battery and limits.
        clock: the simulated time.
        inverter: its inverter.
        truth: `slot_start, load_kwh, pv_kwh` of the whole time.
        faults: what is wrong with its Home Assistant.
        slots: what really flowed, a row a slot that is over.
        commands: what the inverter was set to, by slot [kW].
    """

    site: Site
    clock: SimulatedClock
    inverter: FaultyInverter
    truth: pl.DataFrame
    faults: HomeFaults
    slots: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    commands: dict[datetime, tuple[float, float]] = field(default_factory=dict[datetime, tuple[float, float]])

    def __post_init__(self) -> None:
        """Begin half full, with counters that have counted before."""
        values = self.truth.select("slot_start", "load_kwh", "pv_kwh").iter_rows()
        self._true = {start: (load, pv) for start, load, pv in values}
        self._soc_kwh = self.site.battery.soc_kwh(50.0)
        self._totals = dict.fromkeys(COUNTERS, 500.0)
        self._recorded: dict[str, list[tuple[datetime, str]]] = {name: [] for name in (SOC, *COUNTERS.values())}
        self._running: tuple[datetime, dict[str, float]] | None = None
        self._next_record = self.clock.now()

    @property
    def true_load(self) -> Mapping[datetime, tuple[float, float]]:
        """True load and PV by slot [kWh]."""
        return self._true

    def tick(self) -> None:
        """Let the home go on to the present moment."""
        now = self.clock.now()
        start = slot_of(now)
        if self._running is not None and self._running[0] != start:
            self._end_slot()
        if self._running is None and now >= start + SETTLED:
            self._running = (start, self._flows(start))
        self.inverter.fault = "away" if self.faults.at(now) == "away" else None
        if now >= self._next_record:
            self._record(now)
            self._next_record = now + EVERY

    def soc_percent(self, at: datetime) -> float:
        """Return the true state of charge of a moment that is over, or the present one [%]."""
        begin = slot_of(at)
        ended = self.slots[-1] if self.slots else None
        if ended is not None and ended["slot_start"] >= begin:
            row = self.slots[bisect_left(self.slots, begin, key=lambda each: each["slot_start"])]
            before, after = row["soc_start_percent"], row["soc_end_percent"]
            return before + (after - before) * ((at - begin) / SLOT)
        return self._soc_now(at)

    def state(self, entity: str) -> Mapping[str, Any] | None:
        """Return the present state of an entity, as Home Assistant does."""
        now = self.clock.now()
        fault = self._asked(now)
        at = now
        text = f"{self.soc_percent(now):.1f}" if entity == SOC else self._recorded[entity][-1][1]
        if entity == SOC and fault == "soc at 0":
            text = "0"
        elif fault == "unavailable" or (entity == SOC and fault == "soc unavailable"):
            text = "unavailable"
        elif entity == SOC and fault == "soc silent":
            at, text = self._recorded[SOC][-1]
        return _state(entity, text, at)

    def history(self, entities: Sequence[str], since: datetime, until: datetime) -> list[Any]:
        """Return the recorded states of entities, and the one before them, as `/api/history/period` does."""
        self._asked(self.clock.now())
        lists: list[Any] = []
        for entity in entities:
            states = self._recorded[entity]
            first = max(bisect_right(states, since, key=lambda each: each[0]) - 1, 0)
            last = bisect_left(states, until, key=lambda each: each[0])
            lists.append([_state(entity, text, max(at, since)) for at, text in states[first:last]])
        return lists

    def _asked(self, now: datetime) -> HomeFault | None:
        fault = self.faults.at(now)
        if fault == "away":
            raise HomeAssistantError("Home Assistant does not answer")
        return fault

    def _flows(self, start: datetime) -> dict[str, float]:
        """Return what flows in a slot as the inverter is set."""
        load, pv = self._true[start]
        charge, discharge = (self.inverter.values[name] / 1000 for name in (CHARGE, DISCHARGE))
        self.commands[start] = (charge, discharge)
        flows = apply_command(
            Command(*(np.array(power) for power in (charge, 0.0 if charge else discharge, 0.0))),
            load_kwh=np.array(load),
            pv_kwh=np.array(pv),
            soc_kwh=np.array(self._soc_kwh),
            export_price=np.array(0.0),
            battery=self.site.battery,
            limits=self.site.limits,
        )
        return {
            "load_kwh": load,
            "pv_kwh": pv,
            "import_kwh": float(flows.import_kwh),
            "export_kwh": float(flows.export_kwh),
            "batt_charge_kwh": float(flows.charge_kwh),
            "batt_discharge_kwh": float(flows.discharge_kwh),
            "soc_end_kwh": float(flows.soc_end_kwh),
        }

    def _end_slot(self) -> None:
        """Count the running slot."""
        if self._running is None:
            return
        start, flows = self._running
        self._running = None
        for name in COUNTERS:
            self._totals[name] += flows[name]
        end = flows.pop("soc_end_kwh")
        percent = self._percent(self._soc_kwh), self._percent(end)
        self.slots.append(
            {"slot_start": start, **flows, "soc_start_percent": percent[0], "soc_end_percent": percent[1]}
        )
        self._soc_kwh = end

    def _share(self, at: datetime) -> float:
        """Return how much of the running slot is over (0-1)."""
        return 0.0 if self._running is None else min((at - self._running[0]) / SLOT, 1.0)

    def _percent(self, soc_kwh: float) -> float:
        return 100 * soc_kwh / self.site.battery.capacity_kwh

    def _soc_now(self, at: datetime) -> float:
        if self._running is None:
            return self._percent(self._soc_kwh)
        return self._percent(self._soc_kwh + (self._running[1]["soc_end_kwh"] - self._soc_kwh) * self._share(at))

    def _record(self, now: datetime) -> None:
        """Write the states of a moment down, as the recorder does."""
        fault = self.faults.at(now)
        if fault == "not recorded":
            return
        for name, entity in COUNTERS.items():
            running = 0.0 if self._running is None else self._running[1][name] * self._share(now)
            value = self._totals[name] + running + (SPIKE_KWH if fault == "spike" and name == "load_kwh" else 0.0)
            self._write(entity, now, "unavailable" if fault == "unavailable" else f"{value:.4f}")
        if fault == "soc silent":
            return
        texts = {"soc at 0": "0", "soc unavailable": "unavailable", "unavailable": "unavailable"}
        self._write(SOC, now, texts.get(fault or "", f"{self._soc_now(now):.1f}"))

    def _write(self, entity: str, at: datetime, text: str) -> None:
        """Write a state down where it is another than the last one; the recorder keeps no repetitions."""
        states = self._recorded[entity]
        if not states or states[-1][1] != text:
            states.append((at, text))


def _state(entity: str, text: str, at: datetime) -> dict[str, Any]:
    """Return a state in the form of Home Assistant's REST interface."""
    stamp, soc = at.isoformat(), entity == SOC
    return {
        "entity_id": entity,
        "state": text,
        "attributes": {
            "unit_of_measurement": "%" if soc else "kWh",
            "device_class": "battery" if soc else "energy",
            "state_class": "measurement" if soc else "total_increasing",
            "friendly_name": entity,
        },
        "last_changed": stamp,
        "last_updated": stamp,
        "last_reported": stamp,
    }
