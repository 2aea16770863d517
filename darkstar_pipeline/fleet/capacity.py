"""Needs of a fleet of a size: computed from what was measured and from assumptions that are named with it."""

import math
from dataclasses import dataclass

_DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Costs of a home, as measured (benchmarks/RESULTS.md has the commands and the dates).

    Attributes:
        backfill_seconds: processor time of a home-day from raw readings to results of the oracle and `value` [s].
        plan_seconds: processor time of a plan by `value` over 96 slots [s].
        engine_share: what Ray and the store add to the work.
        stored_bytes: of a home-day in the lake, in buckets of 200 homes [B].
        puts: requests that write a bucket's day, readings and prices included.
        gets: requests that read it.
        plan_puts: requests that write a bucket's plans, in a round of the service.
        plan_gets: requests that read what they are made of.
        worker_bytes: peak memory of a worker [B].
        service_bytes: memory of the fleet's service per home, above the program itself [B].
        request_seconds: processor time of a request for a plan [s].
    """

    backfill_seconds: float = 0.025
    plan_seconds: float = 0.017
    engine_share: float = 0.15
    stored_bytes: float = 8_200.0
    puts: float = 12.0
    gets: float = 20.0
    plan_puts: float = 1.0
    plan_gets: float = 67.0
    worker_bytes: float = 0.6e9
    service_bytes: float = 20_000.0
    request_seconds: float = 0.0013


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """Ways in which the fleet is run.

    Attributes:
        homes_a_bucket: homes in a bucket of the lake.
        plans_a_day: rounds of planning a day; the service makes one a slot.
        hours_of_backfill: time that a day's backfill may take [h].
        busy: share of a core's time that is planned for.
        cores_a_node: cores of a worker.
        days_kept: days that the lake keeps.
        requests_a_day: requests for a home's plan a day.
    """

    homes_a_bucket: int = 200
    plans_a_day: int = 96
    hours_of_backfill: float = 4.0
    busy: float = 0.7
    cores_a_node: int = 4
    days_kept: int = 730
    requests_a_day: int = 96


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Needs of a fleet.

    Attributes:
        homes: homes of the fleet.
        buckets: buckets of its lake.
        backfill_core_hours: processor time of a day's backfill [h].
        backfill_cores: cores for it, within the time that it may take.
        plan_core_hours: processor time of a day's plans [h].
        plan_cores: cores for them, all day.
        worker_nodes: nodes of Ray for both, where backfill and plans are at work at once.
        worker_gigabytes: memory of all workers [GB].
        service_gigabytes: memory of the service, above the program itself [GB].
        service_cores: cores for requests.
        requests_a_second: requests for plans, on average [1/s].
        lake_gigabytes_a_day: growth of the lake [GB].
        lake_terabytes: size of the lake, when it keeps all its days [TB].
        objects_a_day: objects that a day adds.
        puts_a_day: writes to the store.
        gets_a_day: reads from the store.
        store_requests_a_second: both, while the backfill runs too [1/s].
    """

    homes: int
    buckets: int
    backfill_core_hours: float
    backfill_cores: int
    plan_core_hours: float
    plan_cores: int
    worker_nodes: int
    worker_gigabytes: float
    service_gigabytes: float
    service_cores: int
    requests_a_second: float
    lake_gigabytes_a_day: float
    lake_terabytes: float
    objects_a_day: int
    puts_a_day: int
    gets_a_day: int
    store_requests_a_second: float


def needs(homes: int, measured: Measured, assumptions: Assumptions) -> Capacity:
    """Return what a fleet needs.

    Args:
        homes: homes of the fleet.
        measured: what a home costs.
        assumptions: how the fleet is run.
    """
    buckets = math.ceil(homes / assumptions.homes_a_bucket)
    with_engine = 1 + measured.engine_share
    backfill = homes * measured.backfill_seconds * with_engine
    plans = homes * measured.plan_seconds * assumptions.plans_a_day * with_engine
    requests = homes * assumptions.requests_a_day / _DAY_SECONDS
    backfill_cores = _cores(backfill / (assumptions.hours_of_backfill * 3600), assumptions)
    plan_cores = _cores(plans / _DAY_SECONDS, assumptions)
    puts = math.ceil(buckets * (measured.puts + measured.plan_puts * assumptions.plans_a_day))
    gets = math.ceil(buckets * (measured.gets + measured.plan_gets * assumptions.plans_a_day))
    at_backfill = buckets * (measured.puts + measured.gets) / (assumptions.hours_of_backfill * 3600)
    at_plans = buckets * (measured.plan_puts + measured.plan_gets) * assumptions.plans_a_day / _DAY_SECONDS
    cores = backfill_cores + plan_cores
    return Capacity(
        homes=homes,
        buckets=buckets,
        backfill_core_hours=backfill / 3600,
        backfill_cores=backfill_cores,
        plan_core_hours=plans / 3600,
        plan_cores=plan_cores,
        worker_nodes=math.ceil(cores / assumptions.cores_a_node),
        worker_gigabytes=cores * measured.worker_bytes / 1e9,
        service_gigabytes=homes * measured.service_bytes / 1e9,
        service_cores=_cores(requests * measured.request_seconds, assumptions),
        requests_a_second=requests,
        lake_gigabytes_a_day=homes * measured.stored_bytes / 1e9,
        lake_terabytes=homes * measured.stored_bytes * assumptions.days_kept / 1e12,
        objects_a_day=math.ceil(buckets * measured.puts),
        puts_a_day=puts,
        gets_a_day=gets,
        store_requests_a_second=at_backfill + at_plans,
    )


def _cores(busy_cores: float, assumptions: Assumptions) -> int:
    """Return the cores to have where so many are busy."""
    return max(1, math.ceil(busy_cores / assumptions.busy))
