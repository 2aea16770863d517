"""The scenarios of the arena: the faults of before, those of a control that must end by itself, and pairs of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.fault_injection import arena_faults as act
from benchmarks.fault_injection.arena_faults import CONTROL, GUARD_ACTED, HUNG_NOTICE_SECONDS, ArenaFault
from benchmarks.fault_injection.arena_home import ArenaHome, Setting
from benchmarks.fault_injection.fault_list import FAULTS, Fault
from benchmarks.fault_injection.faulty_link import NESTED, LinkFault
from benchmarks.fault_injection.outside_faults import disordered

Kind = Literal["before", "single", "pair"]
SWITCH = ("switch:armed",)
DISK = ("health:storage", "health:control", "guard:problem")
SHORT: frozenset[tuple[Setting, str]] = frozenset({
    ("one container", "service stopped"),
    ("processes", "MQTT broker away"),
    ("processes", "prices missing"),
    ("processes", "Home Assistant answers nested JSON"),
    ("processes", "clock a day back"),
    ("processes", "inverter settles low"),
    ("child", "restart in dry run over a lease"),
    ("containers", "Home Assistant answers a byte a second"),
    ("systemd", "service killed and started again"),
    ("systemd", "slip in the configuration + service's group killed"),
    ("systemd", "Home Assistant refuses connections + service stopped"),
    ("containers", "disk full + service killed"),
    ("child", "guard killed + service killed and started again"),
    ("processes", "inverter ignores writes + service killed"),
    ("processes", "lease is nested JSON + service killed"),
})  # fmt: skip
"""The scenarios of the short form: a tenth, of every kind and setting; none needs a trained version, or waits 75 s for
the dead man's switch."""


@dataclass(frozen=True)
class Scenario:
    """One or two faults of a home.

    Attributes:
        kind: `before` where `benchmarks faults` has it too.
        setting: where the home's processes run.
        faults: the faults, put in one after the other once the one before is told; each stays.
    """

    kind: Kind
    setting: Setting
    faults: tuple[ArenaFault, ...]

    @property
    def name(self) -> str:
        """The scenario in words."""
        return " + ".join(fault.name for fault in self.faults)

    @property
    def shared(self) -> str:
        """The way Home Assistant itself goes; empty where it stays."""
        return "".join(fault.shared for fault in self.faults)

    @property
    def switch(self) -> bool:
        """True where only the dead man's switch can help."""
        return any(fault.switch for fault in self.faults)


def _of_state(fault: Fault) -> ArenaFault:
    """Return a fault of the state folder as one of a controlled home."""
    tells = (f"health:{fault.component}",) if fault.component else ()
    return ArenaFault(name=fault.name, inject=lambda home: fault.inject(home.lab), tells=tells)


def _linked(name: str, fault: LinkFault) -> ArenaFault:
    """Return a fault of the connection, which outlasts the lease."""
    return ArenaFault(name=name, inject=act.link(fault), tells=CONTROL, heal=act.link_back, ends=True)


def _restarted(name: str, change: Callable[[dict[str, Any]], None], *arguments: str) -> ArenaFault:
    """Return a start in another mode over the lease that everything that was killed has left behind."""
    return ArenaFault(
        name=name, inject=act.restart_everything(change, *arguments), tells=("health:lease", *GUARD_ACTED), ends=True
    )


def _sensors_disordered(home: ArenaHome) -> None:
    """Import states twice, disordered, in W and kW, beside the service that controls."""
    trouble = disordered(home.lab)
    if trouble:
        raise RuntimeError(trouble)


KILLED = ArenaFault(name="service killed", inject=act.kill_service, tells=GUARD_ACTED, ends=True)
GROUP_KILLED = replace(KILLED, name="service's group killed", inject=act.kill_service_once)
STOPPED = ArenaFault(name="service stopped", inject=act.stop_service, tells=("lease:released", *GUARD_ACTED), ends=True)
RESTARTED = replace(KILLED, name="service killed and started again", inject=act.restart_after_kill)
STARTED_OFTEN = replace(KILLED, name="SIGKILL at random moments of its start", inject=act.kill_and_start_often)
HUNG = replace(KILLED, name="service hangs", inject=act.hang_service)
WOKEN = replace(HUNG, name="service hangs and wakes after its lease", heal=act.wake_service)
MACHINE = ArenaFault(name="machine killed", inject=act.kill_machine, tells=SWITCH, ends=True, switch=True)
DRY_RUN = _restarted("restart in dry run over a lease", act.dry_run)
OFF = _restarted("restart with control off over a lease", act.control_off)
GUARD_KILLED = ArenaFault(name="guard killed", inject=act.kill_guard, settles=12.0)
GUARD_DIES_TOO = replace(GUARD_KILLED, name="guard killed at the same moment", settles=0.0, switch=True, tells=SWITCH)
KILLED_TOO = replace(KILLED, tells=SWITCH)
"""Where nothing starts the guard again, nothing of ours lives then, and Home Assistant alone can tell it."""
GUARD_HUNG = ArenaFault(
    name="guard hangs",
    inject=act.hang_guard,
    tells=("health:guard",),
    notice=HUNG_NOTICE_SECONDS,
    settles=15.0,
)

AWAY = _linked("Home Assistant refuses connections", "refuses")
HANGS = _linked("Home Assistant accepts and never answers", "hangs")
DRIPS = _linked("Home Assistant answers a byte a second", "a byte a second")
ERRORS = _linked("Home Assistant answers 500", "error 500")
PAGE = _linked("a proxy answers with its own page", "page of a proxy")
DEEP = _linked("Home Assistant answers nested JSON", "nested JSON")
ENDLESS = _linked("Home Assistant answers without end", "endless answer")
CUT = _linked("answers are cut off", "cuts answers")
NO_NAME = ArenaFault(name="name not resolved", inject=act.no_name, tells=CONTROL, heal=act.name_back, ends=True)
REVOKED = ArenaFault(name="token revoked", inject=act.revoke_token, tells=CONTROL, ends=True, switch=True)
ROTATED = ArenaFault(name="token rotated", inject=act.revoke_token, tells=CONTROL, heal=act.new_token, ends=True)

UNAVAILABLE = ArenaFault(
    name="inverter unavailable", inject=act.inverter("unavailable"), tells=CONTROL, heal=act.inverter_well, ends=True
)
IGNORES = ArenaFault(
    name="inverter ignores writes", inject=act.inverter("ignores writes"), tells=CONTROL, heal=act.inverter_well,
    ends=True, notice=40,
)  # fmt: skip
NAN = ArenaFault(
    name="inverter reads NaN", inject=act.inverter("reads NaN"), tells=CONTROL, heal=act.inverter_well, ends=True,
    notice=40,
)  # fmt: skip
LOW = ArenaFault(
    name="inverter settles low", inject=act.inverter("settles low"), tells=CONTROL, heal=act.inverter_well, ends=True,
    notice=40,
)  # fmt: skip
COARSE = ArenaFault(
    name="inverter takes whole kilowatts", inject=act.inverter("takes whole kilowatts"), tells=CONTROL, ends=True,
    notice=40,
)  # fmt: skip
CHANGED = ArenaFault(name="inverter changed by another program", inject=act.changed_by_another)

NESTED_LEASE = ArenaFault(
    name="lease is nested JSON", inject=act.lease_file(NESTED), tells=("guard:problem", "lease:damaged")
)
TORN_LEASE = ArenaFault(
    name="lease is torn", inject=act.lease_file(b'{"url": "ht'), tells=("guard:problem", "lease:damaged")
)
NO_LEASE = ArenaFault(name="lease removed", inject=act.lease_gone)
BAD_STATUS = ArenaFault(name="guard's file damaged", inject=act.status_damaged)
NO_LOCKS = ArenaFault(name="locks removed", inject=act.locks_gone)
OPEN_TOKEN = ArenaFault(name="token file readable by all", inject=act.open_token)
NO_TOKEN = ArenaFault(name="token file removed", inject=act.token_gone, switch=True)
DISK_FULL = ArenaFault(name="disk full", inject=act.fill_disk, tells=DISK)
NO_INODES = ArenaFault(name="no file can be made", inject=act.fill_inodes, tells=DISK)
SLIP = ArenaFault(name="slip in the configuration", inject=act.slip, tells=("health:configuration",), refused=True)
SLIP_AFTER = replace(SLIP, tells=())
"""The slip of a service that is dead already: only its refused start tells it."""
AHEAD = ArenaFault(name="clock 2 h ahead", inject=act.shifted(2.0), clock=True)
BACK = ArenaFault(name="clock a day back", inject=act.shifted(-24.0), clock=True)
FAR = ArenaFault(name="clock in 2099", inject=act.shifted(73 * 365.25 * 24), clock=True)
NO_LAKE = ArenaFault(name="lake gone", inject=act.lake_gone, tells=("health:inputs",))
BROKER = ArenaFault(name="MQTT broker away", configure=act.broker_away, tells=("health:mqtt",))

ASSISTANT_STOPPED = ArenaFault(
    name="Home Assistant restarted", inject=act.outage_begins, tells=CONTROL, heal=act.outage_ends, ends=True,
    shared="stopped",
)  # fmt: skip
ASSISTANT_KILLED = replace(ASSISTANT_STOPPED, name="Home Assistant killed and started", shared="killed")


def _before() -> list[Scenario]:
    """Return the 37 faults of `benchmarks faults`."""
    others: tuple[tuple[Setting, ArenaFault], ...] = (
        ("processes", ArenaFault(name="solver out of time", configure=act.no_solver_time)),
        ("processes", _restarted("clock at 1971", act.nothing, "--at", "1971-01-01T00:00:00+01:00")),
        ("processes", _restarted("clock at 2099", act.nothing, "--at", "2099-07-01T00:00:00+02:00")),
        ("processes", replace(AHEAD, name="clock steps")),
        ("processes", STARTED_OFTEN),
        ("systemd", DISK_FULL),
        ("processes", ArenaFault(name="sensor states twice, disordered", inject=_sensors_disordered)),
        ("processes", CHANGED),
        ("processes", BROKER),
        ("processes", ASSISTANT_KILLED),
        ("processes", KILLED),
    )
    states = [Scenario("before", "processes", (_of_state(fault),)) for fault in FAULTS]
    return [*states, *(Scenario("before", setting, (fault,)) for setting, fault in others)]


_SINGLES: tuple[tuple[Setting, ArenaFault], ...] = (
    ("systemd", STOPPED), ("systemd", KILLED), ("systemd", RESTARTED), ("systemd", MACHINE), ("systemd", HUNG),
    ("systemd", GUARD_KILLED), ("systemd", UNAVAILABLE), ("systemd", NO_NAME), ("systemd", OPEN_TOKEN),
    ("systemd", NO_INODES), ("systemd", REVOKED),
    ("containers", KILLED), ("containers", STOPPED), ("containers", MACHINE), ("containers", GUARD_KILLED),
    ("containers", HUNG), ("containers", DRIPS),
    ("one container", replace(KILLED, name="process 1 killed, guard and all", tells=SWITCH, switch=True)),
    ("one container", STOPPED),
    ("child", DRY_RUN), ("child", OFF), ("child", RESTARTED), ("child", GUARD_KILLED), ("child", KILLED),
    ("child", GUARD_HUNG), ("child", HUNG), ("child", STOPPED),
    ("processes", GUARD_HUNG), ("processes", GUARD_KILLED), ("processes", WOKEN),
    ("processes", HANGS), ("processes", DRIPS), ("processes", ERRORS), ("processes", PAGE), ("processes", DEEP),
    ("processes", ENDLESS), ("processes", CUT), ("processes", AWAY), ("processes", ROTATED),
    ("processes", UNAVAILABLE), ("processes", IGNORES), ("processes", NAN), ("processes", LOW), ("processes", COARSE),
    ("processes", NESTED_LEASE), ("processes", TORN_LEASE), ("processes", NO_LEASE), ("processes", BAD_STATUS),
    ("processes", NO_LOCKS), ("processes", NO_TOKEN), ("processes", BACK), ("processes", FAR),
    ("processes", ASSISTANT_STOPPED),
)  # fmt: skip

_PAIRS: tuple[tuple[Setting, ArenaFault, ArenaFault], ...] = (
    ("systemd", SLIP, GROUP_KILLED), ("systemd", AWAY, STOPPED), ("systemd", AWAY, KILLED), ("systemd", HANGS, STOPPED),
    ("systemd", GUARD_KILLED, KILLED), ("systemd", DISK_FULL, GUARD_KILLED), ("systemd", DISK_FULL, KILLED),
    ("systemd", NO_NAME, KILLED), ("systemd", UNAVAILABLE, KILLED), ("systemd", SLIP, MACHINE),
    ("systemd", NO_INODES, KILLED), ("systemd", OPEN_TOKEN, KILLED),
    ("containers", AWAY, KILLED), ("containers", DRIPS, KILLED), ("containers", UNAVAILABLE, KILLED),
    ("containers", GUARD_KILLED, KILLED), ("containers", SLIP, RESTARTED), ("containers", NO_NAME, STOPPED),
    ("containers", DISK_FULL, KILLED), ("containers", REVOKED, KILLED),
    ("one container", AWAY, replace(MACHINE, name="process 1 killed")), ("one container", DISK_FULL, MACHINE),
    ("child", AWAY, KILLED), ("child", GUARD_HUNG, KILLED), ("child", GUARD_KILLED, RESTARTED),
    ("child", GUARD_DIES_TOO, KILLED_TOO), ("processes", GUARD_DIES_TOO, KILLED_TOO),
    ("child", UNAVAILABLE, DRY_RUN), ("child", AWAY, OFF), ("child", TORN_LEASE, RESTARTED),
    ("child", DISK_FULL, KILLED), ("child", SLIP, KILLED), ("child", NESTED_LEASE, DRY_RUN),
    ("processes", AWAY, GUARD_KILLED), ("processes", AWAY, HUNG), ("processes", DRIPS, HUNG),
    ("processes", DISK_FULL, GUARD_HUNG), ("processes", AHEAD, UNAVAILABLE), ("processes", BACK, KILLED),
    ("processes", ROTATED, RESTARTED), ("processes", NO_LAKE, KILLED), ("processes", NO_LAKE, AWAY),
    ("processes", IGNORES, KILLED), ("processes", NAN, KILLED), ("processes", LOW, AWAY), ("processes", IGNORES, AWAY),
    ("processes", NO_LOCKS, RESTARTED), ("processes", BAD_STATUS, HUNG), ("processes", NESTED_LEASE, KILLED),
    ("processes", TORN_LEASE, HUNG), ("processes", NO_LEASE, KILLED), ("processes", OPEN_TOKEN, RESTARTED),
    ("processes", DISK_FULL, HUNG), ("processes", DISK_FULL, AWAY), ("processes", SLIP, HUNG),
    ("processes", PAGE, STOPPED), ("processes", ERRORS, RESTARTED), ("processes", BROKER, AWAY),
    ("processes", CHANGED, KILLED), ("processes", GUARD_HUNG, STOPPED), ("processes", AHEAD, RESTARTED),
    ("processes", ASSISTANT_KILLED, KILLED), ("processes", ASSISTANT_STOPPED, KILLED),
    ("processes", ASSISTANT_KILLED, HUNG), ("child", ASSISTANT_STOPPED, RESTARTED),
    ("processes", ASSISTANT_KILLED, DISK_FULL), ("systemd", ASSISTANT_KILLED, STOPPED),
)  # fmt: skip

SCENARIOS: tuple[Scenario, ...] = (
    *_before(),
    *(Scenario("single", setting, (fault,)) for setting, fault in _SINGLES),
    *(Scenario("pair", setting, (one, other)) for setting, one, other in _PAIRS),
)


def scenarios(*, short: bool, systemd: bool) -> list[Scenario]:
    """Return the scenarios of a run.

    Args:
        short: whether a representative tenth is wanted.
        systemd: whether a systemd can be run; elsewhere PID namespaces with a small supervisor take its place.
    """
    chosen = [each for each in SCENARIOS if not short or (each.setting, each.name) in SHORT]
    return [
        scenario if systemd or scenario.setting != "systemd" else replace(scenario, setting="containers")
        for scenario in chosen
    ]
