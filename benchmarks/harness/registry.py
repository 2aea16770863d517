"""The table of benchmarks: for each its module, what it measures, how long it takes and what it needs.

Nothing is imported before a benchmark runs, so that `python -m benchmarks --list` comes at once.
"""

import importlib
from collections.abc import Callable
from dataclasses import asdict
from typing import cast

from rich.table import Table

from benchmarks.harness.entries import Benchmark, OutsideForm
from benchmarks.harness.results import Row, Scope
from darkstar_pipeline.errors import ConfigurationError

PULP = "PuLP with CBC (extra `bench`)"
TOOLS = "mosquitto and a Home Assistant (`make tools`)"
MACHINES = "root on Linux with util-linux, systemd and a C compiler; a Home Assistant (`make tools`)"

BENCHMARKS = {
    "arena": Benchmark(
        module="benchmarks.arena.arena",
        measures="cost of cases that others published results for, known future and unknown; --cases FILE for others",
        short_seconds=15,
        seconds=60,
        needs="the cases beside the checkout (../shared/data/arena), or --cases FILE",
        short_needs="the same",
        takes_cases=True,
    ),
    "aurora": Benchmark(
        module="benchmarks.aurora",
        measures="coverage and errors of Aurora's forecasts; the saving they add to MPC and value",
        short_seconds=30,
        seconds=900,
    ),
    "captured_share": Benchmark(
        module="benchmarks.captured_share",
        measures="share of the possible saving captured in test weeks, daily protocol, by battery; what is missing",
        short_seconds=10,
        seconds=600,
    ),
    "care": Benchmark(
        module="benchmarks.household.care",
        measures="price of a reserve, of full charges and of a resting ceiling, against full charges by the clock",
        short_seconds=60,
        seconds=900,
    ),
    "taper": Benchmark(
        module="benchmarks.household.taper",
        measures="price of planning without the taper of a battery that has one",
        short_seconds=60,
        seconds=600,
    ),
    "cars": Benchmark(
        module="benchmarks.household.cars",
        measures="a car and hot water planned, against at once; what the battery gives while the car charges",
        short_seconds=20,
        seconds=300,
    ),
    "strategy": Benchmark(
        module="benchmarks.household.strategy",
        measures="what each adjustment of the strategy engine earns, and the defaults in their worst month",
        short_seconds=60,
        seconds=900,
    ),
    "continuous": Benchmark(
        module="benchmarks.continuous",
        measures="the same with stored energy carried through the whole year",
        short_seconds=30,
        seconds=3600,
    ),
    "control": Benchmark(
        module="benchmarks.control",
        measures="control through simulated days of faults; the service's answers while strangers load it",
        short_seconds=120,
        seconds=180,
    ),
    "environment": Benchmark(
        module="benchmarks.environment",
        measures="steps per second of the environments, beside CityLearn 3; PPO's speed of learning",
        short_seconds=30,
        seconds=240,
        needs="network, once: installs CityLearn (1.6 GB) into .bench",
    ),
    "engines": Benchmark(
        module="benchmarks.cluster.engines",
        measures="what engines cost beside the work: a task, idle workers, killed workers and nodes, equal answers",
        short_seconds=90,
        seconds=400,
        needs="extra `fleet`",
        short_needs="the same",
        on_homes=False,
    ),
    "faults": Benchmark(
        module="benchmarks.robustness.faults",
        measures="fallback and recovery of a running service under faults put in from outside",
        short_seconds=120,
        seconds=480,
        needs=TOOLS,
        outside=OutsideForm(
            measures="whether the inverter is at its default soon after every fault, and every two at once",
            short_seconds=120,
            seconds=1200,
            needs=MACHINES,
        ),
    ),
    "fleet": Benchmark(
        module="benchmarks.cluster.fleet",
        measures="a fleet's day, raw readings to verdict: time by stage, memory, files; --homes N, --charged-share S",
        short_seconds=60,
        seconds=1200,
        on_homes=False,
    ),
    "fleet_cluster": Benchmark(
        module="benchmarks.cluster.fleet_cluster",
        measures="a fleet on two Ray nodes and an S3 server: the serial run's bytes, nodes killed or not; overhead",
        short_seconds=120,
        seconds=600,
        needs="the extra `fleet` (Ray, obstore) and moto",
        short_needs="the same",
        on_homes=False,
    ),
    "fleet_dagster": Benchmark(
        module="benchmarks.fleet_graph.fleet_dagster",
        measures="a fleet in Dagster: definitions by number of homes, a day of all buckets, what a partition costs",
        short_seconds=90,
        seconds=600,
        needs="the extra `fleet` (obstore)",
        short_needs="the same",
        on_homes=False,
    ),
    "fleet_service": Benchmark(
        module="benchmarks.served_fleet.fleet_service",
        measures="10 000 homes planned afresh, and their plans' delay at 200 requests/s; --homes N, --charged-share S",
        short_seconds=90,
        seconds=600,
        on_homes=False,
    ),
    "fleet_lake": Benchmark(
        module="benchmarks.fleet_lake.fleet_lake",
        measures="a fleet's lake in a folder and on S3: requests, bytes, processor time, meeting writers, listing",
        short_seconds=40,
        seconds=90,
        on_homes=False,
    ),
    "fortnight": Benchmark(
        module="benchmarks.fortnight.fortnight",
        measures="14 simulated days of the service, twice: sources fail, clocks change; plans judged by the truth",
        short_seconds=90,
        seconds=1200,
    ),
    "growth": Benchmark(
        module="benchmarks.robustness.growth",
        measures="growth of the state folder over a simulated year, before retention and after it",
        short_seconds=120,
        seconds=900,
        on_homes=False,
    ),
    "imports": Benchmark(
        module="benchmarks.robustness.imports",
        measures="time and memory of importing a year, and a history download of 200 MB",
        short_seconds=15,
        seconds=60,
        on_homes=False,
    ),
    "home_assistant": Benchmark(
        module="benchmarks.recorded_home.home_assistant",
        measures="a year of statistics fetched from a real Home Assistant; from an empty folder to a first plan",
        short_seconds=120,
        seconds=300,
        needs=TOOLS,
        short_needs=TOOLS,
        on_homes=False,
    ),
    "inference": Benchmark(
        module="benchmarks.inference",
        measures="time of a learned policy's decision and of a cold start",
        short_seconds=10,
        seconds=20,
    ),
    "inverters": Benchmark(
        module="benchmarks.simulated_inverters.inverters",
        measures="simulated inverters of every family: commands achieved, or the default restored and told; writes",
        short_seconds=30,
        seconds=120,
        on_homes=False,
    ),
    "kill": Benchmark(
        module="benchmarks.robustness.kill",
        measures="whether a backfill killed at random moments and run again gives the same lake",
        short_seconds=60,
        seconds=300,
    ),
    "learning": Benchmark(
        module="benchmarks.learning",
        measures="what learned policies capture with every battery, day by day and carried on; corrections' ceiling",
        short_seconds=60,
        seconds=10800,
    ),
    "mpc_year": Benchmark(
        module="benchmarks.mpc_year",
        measures="time of a year of MPC and of 1000 oracle days; cost of fewer writes",
        short_seconds=15,
        seconds=120,
    ),
    "oracle_speed": Benchmark(
        module="benchmarks.oracle_speed",
        measures="cost and speed of the optimal schedule beside PuLP with CBC and EMHASS",
        short_seconds=20,
        seconds=120,
        needs=f"{PULP}; network, once: installs EMHASS (1.1 GB) into .bench",
        short_needs=PULP,
    ),
    "pooled": Benchmark(
        module="benchmarks.corrections.pooled",
        measures="what one policy for all homes captures, against one of each home's own and `value`",
        short_seconds=100,
        seconds=1500,
    ),
    "power_tariff": Benchmark(
        module="benchmarks.power_tariff",
        measures="whole months with a demand charge: planners that see it, the month's bound, each day known",
        short_seconds=30,
        seconds=600,
    ),
    "price_repair": Benchmark(
        module="benchmarks.price_repair",
        measures="recall and false repairs of the price repair, by zeros put into real prices",
        short_seconds=5,
        seconds=70,
    ),
    "promotion": Benchmark(
        module="benchmarks.promotion",
        measures="how often the promotion gate passes luck, a worse and a better challenger",
        short_seconds=10,
        seconds=100,
    ),
    "replanning": Benchmark(
        module="benchmarks.household.replanning",
        measures="commands of live plans that change from one slot to the next, and what keeping them costs",
        short_seconds=60,
        seconds=900,
    ),
    "random_sites": Benchmark(
        module="benchmarks.robustness.random_sites",
        measures="10 000 random sites and horizons: each solved and verified by a second solver",
        short_seconds=40,
        seconds=1800,
        needs=PULP,
        short_needs=PULP,
        on_homes=False,
    ),
    "readings": Benchmark(
        module="benchmarks.robustness.readings",
        measures="days read whole and wrong after random damages of true readings, by kind of damage",
        short_seconds=30,
        seconds=300,
        on_homes=False,
    ),
    "service": Benchmark(
        module="benchmarks.service",
        measures="start, planning time, latency under load and promotion of the planner service",
        short_seconds=120,
        seconds=240,
    ),
    "single_plan": Benchmark(
        module="benchmarks.single_plan",
        measures="time, gap and verification of two-day plans with battery, heater and car",
        short_seconds=15,
        seconds=240,
    ),
    "spine": Benchmark(
        module="benchmarks.spine",
        measures="import, backfill and evaluation by command: captured share, limits, time, memory",
        short_seconds=60,
        seconds=300,
    ),
    "trondheim": Benchmark(
        module="benchmarks.trondheim",
        measures="cost of rules, MPC and the optimum under a monthly peak charge, beside a published table",
        short_seconds=30,
        seconds=420,
    ),
    "value_replay": Benchmark(
        module="benchmarks.value_replay",
        measures="time of a year of `value`; its excess over the optimum of known days",
        short_seconds=10,
        seconds=30,
    ),
    "whatif": Benchmark(
        module="benchmarks.household.whatif",
        measures="processor time of a what-if of a year and of 48 sizes; difference to a site that is really so",
        short_seconds=60,
        seconds=240,
    ),
    "writers": Benchmark(
        module="benchmarks.robustness.writers",
        measures="slots lost when imports, feed, backfill, backup, retrain and retention run at once and are killed",
        short_seconds=90,
        seconds=600,
        on_homes=False,
    ),
    "wrong_input": Benchmark(
        module="benchmarks.robustness.wrong_input",
        measures="whether each of 19 kinds of wrong file is refused clearly and the lake unchanged",
        short_seconds=60,
        seconds=60,
    ),
}


def run(name: str, scope: Scope) -> list[Row]:
    """Run a benchmark.

    Raises:
        ConfigurationError: there is none of that name, it has no form `--outside`, or a package that only benchmarks
            need is not installed.
        DataMissingError: the measured homes were chosen and are not there.
        OutsideServiceError: a program that it needs is not installed.
    """
    entry = entry_of(name)
    if scope.cases is not None and not entry.takes_cases:
        having = ", ".join(each for each, other in BENCHMARKS.items() if other.takes_cases)
        message = f"benchmark {name} takes no --cases"
        raise ConfigurationError(message, f"those that take them: {having}")
    if scope.outside and entry.outside is None:
        having = ", ".join(each for each, other in BENCHMARKS.items() if other.outside)
        message = f"benchmark {name} has no form --outside"
        raise ConfigurationError(message, f"those that have one: {having}")
    try:
        module = importlib.import_module(entry.module)
    except ModuleNotFoundError as error:
        message = f"benchmark {name} needs the package {error.name}"
        raise ConfigurationError(message, "install the extra: pip install -e '.[bench]' -c constraints.txt") from error
    measure = cast("Callable[[Scope], list[Row]]", module.run)
    return scope.aimed(measure(scope))


def entry_of(name: str) -> Benchmark:
    """Return the entry of a benchmark.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in BENCHMARKS:
        message = f"there is no benchmark {name!r}"
        raise ConfigurationError(message, f"one of: {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]


def listing() -> list[dict[str, object]]:
    """Return the table as `--list --json` prints it."""
    return [{"name": name, **asdict(entry)} for name, entry in BENCHMARKS.items()]


def listing_table() -> Table:
    """Return the table for a person."""
    title = "python -m benchmarks NAME [--short] [--data measured|shipped] [--cases FILE] [--json]"
    table = Table("benchmark", "measures", "--short", "whole", title=title)
    for name, entry in BENCHMARKS.items():
        needs = f" Needs {entry.needs}." if entry.needs else ""
        measures = f"{entry.measures[0].upper()}{entry.measures[1:]}.{needs}"
        table.add_row(name, measures, _words(entry.short_seconds), _words(entry.seconds))
        if (form := entry.outside) is not None:
            measures = f"{form.measures[0].upper()}{form.measures[1:]}. Needs {form.needs}."
            table.add_row(f"{name} --outside", measures, _words(form.short_seconds), _words(form.seconds))
    return table


def _words(seconds: int) -> str:
    """Return a time as `30 s` or `4 min`."""
    return f"{seconds} s" if seconds < 60 else f"{-(-seconds // 60)} min"  # noqa: PLR2004 - a minute
