"""Days of replayed schedules, let through by the verifier or turned away with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from env.site import Site
from planner.errors import UnverifiedScheduleError
from planner.value.protocol import Protocol
from planner.verification.verifier import Verification, verify_schedule

REJECTED = {
    "day": pl.Date,
    "policy": pl.String,
    "violations": pl.Int64,
    "slot_start": pl.Datetime("us", "UTC"),
    "rule": pl.String,
    "size": pl.Float64,
    "unit": pl.String,
    "message": pl.String,
}


@dataclass(frozen=True)
class VerifiedDays:
    """Schedules after the verifier.

    Attributes:
        schedules: the days without a violation, as they were given.
        rejected: a row per policy and day turned away: `day, policy, violations` (how many) and the first of them,
            `slot_start, rule, size, unit, message`.
        checked: policies and days there were.
    """

    schedules: pl.DataFrame
    rejected: pl.DataFrame
    checked: int


def verification_site(policy: str, site: Site) -> Site:
    """Return the home that a policy's schedules are verified against; for `idle` its battery has no power."""
    site = site.commanded
    if policy != "idle":
        return site
    return replace(site, battery=replace(site.battery, charge_kw=0.0, discharge_kw=0.0))


def verify_episodes(policy: str, schedule: pl.DataFrame, site: Site, protocol: Protocol) -> Verification:
    """Verify the daily episodes of one policy.

    Args:
        policy: whose they are.
        schedule: as `replay_days` gives it, in order of slots.
        site: the home.
        protocol: what every day starts with.

    Raises:
        ScheduleColumnsError: columns are missing.
        IncompleteDayError: there is no slot.
    """
    return verify_schedule(
        schedule, verification_site(policy, site), start_soc_kwh=protocol.start_soc_kwh, episodes="daily"
    )


def verified_days(schedules: pl.DataFrame, site: Site, protocol: Protocol) -> VerifiedDays:
    """Let through the days in which nothing is wrong.

    Args:
        schedules: as `replay_days` gives them, any number of policies.
        site: the home.
        protocol: what every day starts with.
    """
    if schedules.is_empty():
        return VerifiedDays(schedules, pl.DataFrame(schema=REJECTED), 0)
    by_policy = schedules.partition_by("policy", maintain_order=True)
    rejected = pl.concat([_rejected(each, site, protocol) for each in by_policy])
    gone = rejected.select(pl.col("day").alias("local_day"), "policy")
    kept = schedules.join(gone, on=["local_day", "policy"], how="anti", maintain_order="left")
    return VerifiedDays(kept, rejected, schedules.select("local_day", "policy").n_unique())


def verified_homes(schedules: pl.DataFrame, site: Site, protocol: Protocol) -> pl.DataFrame:
    """Return the days of several homes in which nothing is wrong.

    Args:
        schedules: as `replay_days` gives them, with `site`, of any number of policies.
        site: battery and limits that all of the homes have.
        protocol: what every day of them starts with.
    """
    gone: list[tuple[object, ...]] = []
    for own in schedules.sort("policy", "site", "slot_start").partition_by("policy", maintain_order=True):
        policy = str(own["policy"][0])
        wrong = {each.slot_index for each in verify_episodes(policy, own, site, protocol).violations}
        gone += [own.select("site", "local_day", "policy").row(index) for index in sorted(wrong)]
    refused = pl.DataFrame(
        gone, schema={"site": pl.String, "local_day": pl.Date, "policy": pl.String}, orient="row"
    ).unique()
    return schedules.join(refused, on=["site", "local_day", "policy"], how="anti", maintain_order="left")


def only_verified(schedules: pl.DataFrame, site: Site, protocol: Protocol) -> pl.DataFrame:
    """The schedules as they are, where nothing is wrong with any.

    Raises:
        UnverifiedScheduleError: names the first violation.
    """
    rejected = verified_days(schedules, site, protocol).rejected
    if rejected.height:
        first = rejected.row(0, named=True)
        raise _unverified(first["policy"], first, first["violations"])
    return schedules


def only_verified_window(policy: str, schedule: pl.DataFrame, site: Site, protocol: Protocol) -> pl.DataFrame:
    """A schedule of the continuous protocol as it is, where nothing is wrong with it.

    Raises:
        UnverifiedScheduleError: names the first violation.
    """
    violations = verify_schedule(
        schedule, verification_site(policy, site), start_soc_kwh=protocol.start_soc_kwh, episodes="continuous"
    ).violations
    if violations:
        first = {name: getattr(violations[0], name) for name in _FINDING_COLUMNS}
        first["day"] = schedule["local_day"][violations[0].slot_index]
        raise _unverified(policy, first, len(violations))
    return schedule


def _unverified(policy: str, first: Mapping[str, object], violations: int) -> UnverifiedScheduleError:
    return UnverifiedScheduleError(
        f"the schedule of {policy} on {first['day']} breaks the rule {first['rule']} at {first['slot_start']}: "
        f"{first['message']}; violations: {violations}"
    )


def _rejected(schedule: pl.DataFrame, site: Site, protocol: Protocol) -> pl.DataFrame:
    """The days of one policy that are turned away, a row each."""
    policy = str(schedule["policy"][0])
    days = schedule["local_day"]
    rows = [
        {"day": days[each.slot_index], "policy": policy, **{name: getattr(each, name) for name in _FINDING_COLUMNS}}
        for each in verify_episodes(policy, schedule, site, protocol).violations
    ]
    first = pl.DataFrame(rows, schema={name: REJECTED[name] for name in REJECTED if name != "violations"})
    counted = first.group_by("day", "policy", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("violations"), *(pl.col(name).first() for name in _FINDING_COLUMNS)
    )
    return counted.select(list(REJECTED))


_FINDING_COLUMNS = ("slot_start", "rule", "size", "unit", "message")
