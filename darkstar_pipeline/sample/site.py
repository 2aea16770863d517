"""The embedded sample as a site: its settings, and its way into the lake through the same door as any other data.

Why these figures: `docs/sample.md`. What does not belong here: the recording and its faults (`sample`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from darkstar_pipeline.config.fingerprints import Stage, config_version
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.context import LAKE_FOLDER, Context
from darkstar_pipeline.ingest.imports import OBSERVATIONS, PRICES, import_statistics, import_tidy_file
from darkstar_pipeline.ingest.report import ImportReport
from darkstar_pipeline.ingest.target import ImportTarget
from darkstar_pipeline.sample import (
    FIRST_DAY,
    SAMPLE_AREA,
    SAMPLE_CURRENCY,
    SAMPLE_TIMEZONE,
    inject_faults,
    load_sample,
)
from darkstar_pipeline.warehouse.lake import Lake
from darkstar_pipeline.warehouse.schemas import (
    METER_READINGS,
    METER_STATISTICS,
    ORACLE_DAILY_RESULTS,
    POLICY_DAILY_RESULTS,
    RAW_SPOT_PRICES,
    Table,
)
from env.time_grid import days_between

SOURCE = "embedded sample"
_VAT, _SURCHARGE = 0.21, 0.018
_RAW = (METER_READINGS, METER_STATISTICS, RAW_SPOT_PRICES)
_STAGES: dict[Stage, Table] = {"oracle": ORACLE_DAILY_RESULTS, "policies": POLICY_DAILY_RESULTS}
_RESULTS = tuple(_STAGES.values())


@dataclass(frozen=True)
class SampleImport:
    """The outcome of importing the sample.

    Attributes:
        reports: one for the observations, the prices and the hourly statistics.
    """

    reports: tuple[ImportReport, ...]

    @property
    def changed_rows(self) -> int:
        """Rows that are new or different; 0 when repeated."""
        return sum(report.slots_new + report.slots_changed for report in self.reports)


def sample_settings() -> SiteSettings:
    """The settings of the sample's site."""
    return SiteSettings.model_validate(
        {
            "timezone": SAMPLE_TIMEZONE,
            "area": SAMPLE_AREA,
            "currency": SAMPLE_CURRENCY,
            "first_day": FIRST_DAY,
            "battery": {
                "capacity_kwh": 10.0,
                "min_soc_percent": 10.0,
                "charge_kw": 5.0,
                "discharge_kw": 5.0,
                "round_trip_efficiency": 0.92,
                "wear_cost_per_kwh": 0.02,
            },
            "tariff": [
                {"valid_from": date(2023, 1, 1), "vat": _VAT, "transfer_fee": _SURCHARGE, "energy_tax": 0.12599},
                {"valid_from": date(2024, 1, 1), "vat": _VAT, "transfer_fee": _SURCHARGE, "energy_tax": 0.10880},
            ],
        }
    )


def import_sample(context: Context, *, now: datetime) -> SampleImport:
    """Import the sample with its documented faults into the context's site.

    Args:
        context: the sample's site.
        now: when it enters the lake.
    """
    sample, _ = inject_faults(load_sample())
    target = ImportTarget.of(context)
    with TemporaryDirectory() as folder:
        observations, prices = Path(folder) / "sample_observations.parquet", Path(folder) / "sample_prices.parquet"
        sample.observations.write_parquet(observations)
        sample.prices.write_parquet(prices)
        readings = import_tidy_file(OBSERVATIONS, target, observations, now=now)
        spot = import_tidy_file(PRICES, target, prices, area=SAMPLE_AREA, now=now)
    statistics = import_statistics(target, sample.hourly_statistics, source=SOURCE, now=now)
    return SampleImport((readings, spot, statistics))


def is_materialised(context: Context, first: date, last: date) -> bool:
    """Return whether every day has results that hold for the present settings and are newer than everything imported.

    Args:
        context: the sample's site.
        first: first local day.
        last: last local day, included.
    """
    lake, name, settings = _lake(context), context.site_name, context.site_settings
    raw = [lake.path(table, name, day) for table in _RAW for day in lake.days(table, name)]
    made = [lake.path(table, name, day) for table in _RESULTS for day in days_between(first, last)]
    if not raw or not all(path.exists() for path in made):
        return False
    if max(path.stat().st_mtime for path in raw) > min(path.stat().st_mtime for path in made):
        return False
    return all(
        set(lake.read(table, name, first, last)["config_version"]) == {config_version(settings, stage)}
        for stage, table in _STAGES.items()
    )


def newest_result(context: Context, day: date) -> float:
    """When the newest result of a day was written [seconds since 1970]; 0 where there is none."""
    paths = [_lake(context).path(table, context.site_name, day) for table in _RESULTS]
    return max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)


def _lake(context: Context) -> Lake:
    """Return the sample's lake, whose files are asked for their age."""
    return Lake(context.home / LAKE_FOLDER)
