"""Spot prices fetched from the site's sources: the asset `raw_spot_prices` of a home that has sources.

A home without sources has its raw prices by import, as an external asset (`raw`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from assets.description import days_of
from assets.fetched.weather import GROUP
from assets.home import Home, Result, beta_features, source_pool
from darkstar_pipeline.doctor.finding import Verdict
from darkstar_pipeline.doctor.sources.prices import check_prices
from darkstar_pipeline.fetching.prices.due import MOST_AGAIN
from darkstar_pipeline.fetching.prices.fetch import PriceFetchReport, fetch_prices
from darkstar_pipeline.fetching.prices.session import price_sources
from darkstar_pipeline.warehouse.schemas import RAW_SPOT_PRICES
from env.time_grid import zone

NAME = "raw_spot_prices"
LATE, TOO_LATE = timedelta(hours=26), timedelta(hours=36)
"""Two hours after the market's next day was due; and nothing of the running day was asked for."""
KNOWN, _WELL = "prices_are_known", "The prices that the market has published by now are there."
_SHOWN = 20


def fetches_prices(home: Home) -> bool:
    """Return whether a home's prices are fetched by themselves."""
    return bool(home.settings.sources.prices.order)


def raw_spot_prices_asset(home: Home) -> dg.AssetsDefinition:
    """The asset `raw_spot_prices` of a home whose prices are fetched."""

    def raw_spot_prices(context: dg.AssetExecutionContext) -> Result:
        days, now = days_of(context), datetime.now(UTC)
        again = len(days) <= MOST_AGAIN
        with price_sources(home.context) as sources:
            report = fetch_prices(home.context, days[0], days[-1], sources=sources, now=now, again=again)
        today = now.astimezone(zone(home.timezone)).date()
        if not report.given and any(day <= today for day in report.missing):
            reasons = "; ".join(report.failures.values())
            raise dg.Failure(f"no source gave the prices: {reasons}", metadata=_metadata(report))
        return dg.MaterializeResult(metadata=_metadata(report), check_results=[_known(home, now)])

    with beta_features():
        return dg.asset(  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped in Dagster
            name=NAME,
            key_prefix=list(home.prefix) or None,
            backfill_policy=dg.BackfillPolicy.single_run(),
            pool=source_pool(home.settings.sources.prices.order),
            freshness_policy=dg.FreshnessPolicy.time_window(fail_window=TOO_LATE, warn_window=LATE),
            check_specs=[dg.AssetCheckSpec(KNOWN, asset=home.key(NAME), description=_WELL)],
            description=f"{RAW_SPOT_PRICES.meaning} Fetched from {', '.join(home.settings.sources.prices.order)}.",
            **home.presentation(RAW_SPOT_PRICES, group=GROUP, kinds=("http", "parquet")),
        )(raw_spot_prices)


def _known(home: Home, now: datetime) -> dg.AssetCheckResult:
    """Return whether the prices that the market has published by now are there, as `darkstar doctor` says it."""
    found = check_prices(home.context.settings, home.context.home, home.name, now)
    return dg.AssetCheckResult(
        passed=found.verdict is Verdict.OK,
        severity=dg.AssetCheckSeverity.ERROR if found.verdict is Verdict.FAIL else dg.AssetCheckSeverity.WARN,
        check_name=KNOWN,
        metadata={"found": found.detail, "what to do": found.remedy or "nothing"},
    )


def _metadata(report: PriceFetchReport) -> dict[str, Any]:
    """Return what the page shows of a fetch: each answer with source, time and hash, and what is missing."""
    given = [
        f"- {each.source}: {each.days[0]} to {each.days[-1]}, {each.new} new and {each.changed} corrected slots, asked "
        f"{each.asked_at:%Y-%m-%d %H:%M:%SZ}, published {each.published_at or 'at a time it does not say'}, "
        f"sha256 {each.sha256}"
        for each in report.given[-_SHOWN:]
    ]
    return {
        "answers": dg.MetadataValue.md("\n".join(given) or "none was needed"),
        "days asked for": report.wanted,
        "days given": report.days,
        "missing": dg.MetadataValue.json({str(day): reason for day, reason in report.missing.items()}),
        "failures": dg.MetadataValue.json(dict(report.failures)),
        "differences": dg.MetadataValue.json(list(report.notes)),
    }
