"""Every table of the lake, declared once: name, type, unit, nullable, meaning.

Writes are checked against this, the DuckDB views are made from it, and the docs and the Dagster UI print it.
What does not belong here: paths and files (`lake`), SQL (`query`).
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from env.time_grid import SLOT_DTYPE


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    dtype: pl.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: one Parquet file per site and local day.

    Attributes:
        day_column: the column that equals the day of the file.
        key: columns, besides `site`, that identify a row; the stored order of the rows.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    day_column: str = "local_day"

    @cached_property
    def schema(self) -> pl.Schema:
        """Polars schema in declared order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})


def _text(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, dtype=pl.String(), meaning=meaning, nullable=nullable)


def _real(name: str, unit: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name=name, dtype=pl.Float64(), unit=unit, meaning=meaning, nullable=nullable)


def _count(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name=name, dtype=pl.Int32(), unit=unit, meaning=meaning)


def _flag(name: str, meaning: str) -> Column:
    return Column(name=name, dtype=pl.Boolean(), meaning=meaning)


def _instant(name: str, meaning: str) -> Column:
    return Column(name=name, dtype=SLOT_DTYPE, unit="UTC", meaning=meaning)


_SITE = _text("site", "name of the home in darkstar.yaml")
_SLOT = _instant("slot_start", "start of the slot")
_LOCAL_DAY = Column(name="local_day", dtype=pl.Date(), meaning="local calendar day of the slot")
_DAY = Column(name="day", dtype=pl.Date(), meaning="local calendar day")
_NATIVE = _count(
    "native_minutes", "resolution of the source; coarser ones were split evenly (energy) or repeated (price)", "min"
)

ENERGY_COLUMNS = (
    "load_kwh",
    "pv_kwh",
    "import_kwh",
    "export_kwh",
    "batt_charge_kwh",
    "batt_discharge_kwh",
    "water_kwh",
    "ev_kwh",
)
SOC_COLUMNS = ("soc_start_percent", "soc_end_percent")

_MEASURED = (
    _real("load_kwh", "kWh", "what the house used, without battery and planned appliances", nullable=True),
    _real("pv_kwh", "kWh", "what the panels made", nullable=True),
    _real("import_kwh", "kWh", "bought from the grid", nullable=True),
    _real("export_kwh", "kWh", "sold to the grid", nullable=True),
    _real("batt_charge_kwh", "kWh", "into the battery, alternating-current side", nullable=True),
    _real("batt_discharge_kwh", "kWh", "out of the battery, alternating-current side", nullable=True),
    _real("water_kwh", "kWh", "water heater", nullable=True),
    _real("ev_kwh", "kWh", "car charger", nullable=True),
    _real("soc_start_percent", "%", "state of charge at the slot's start", nullable=True),
    _real("soc_end_percent", "%", "state of charge at the slot's end", nullable=True),
)

RAW_SPOT_PRICES = Table(
    name="raw_spot_prices",
    meaning="Spot prices as imported, before any repair.",
    key=("slot_start",),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        _text("area", "price area"),
        _real("price", "money/kWh", "spot price before fees"),
        _NATIVE,
        _text("source", "file or service the price came from"),
        _instant("imported_at", "when this value entered the lake"),
    ),
)

SPOT_PRICES = Table(
    name="spot_prices",
    meaning="Spot prices after repair, one row per slot that has a price.",
    key=("slot_start",),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        _text("area", "price area"),
        _real("price", "money/kWh", "spot price before fees, repaired where `repaired`"),
        _real("raw_price", "money/kWh", "spot price as imported; null where the slot was missing", nullable=True),
        _flag("repaired", "whether the price was repaired; `price_repairs` says how"),
        _NATIVE,
    ),
)

PRICE_REPAIRS = Table(
    name="price_repairs",
    meaning="One row per repaired price: what it was, what it became, and why.",
    key=("slot_start",),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        _real("raw_price", "money/kWh", "price before the repair; null where the slot was missing", nullable=True),
        _real("repaired_price", "money/kWh", "price after the repair"),
        _text("method", "how the new price was found"),
        _text("evidence", "why the old price was not believed"),
        _instant("repaired_at", "import that the repair rests on, so that repeating a repair changes nothing"),
    ),
)

METER_READINGS = Table(
    name="meter_readings",
    meaning="Meter readings as imported, on the slot grid, one row per slot that was read.",
    key=("slot_start",),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        *_MEASURED,
        _NATIVE,
        _text("source", "file the reading came from"),
        _instant("imported_at", "when this reading entered the lake"),
    ),
)

METER_STATISTICS = Table(
    name="meter_statistics",
    meaning="An independent hourly series (Home Assistant long-term statistics) that readings are checked against.",
    key=("hour_start", "quantity"),
    columns=(
        _SITE,
        _instant("hour_start", "start of the hour"),
        _LOCAL_DAY,
        _text("quantity", "load, pv, import, export, batt_charge or batt_discharge"),
        _real("energy_kwh", "kWh", "energy of the hour"),
        _text("source", "file the figure came from"),
        _instant("imported_at", "when this figure entered the lake"),
    ),
)

_OUTLOOK = (
    _real("temp_c", "degC", "temperature", nullable=True),
    _real("cloud_percent", "%", "share of the sky that is covered", nullable=True),
    _real("irradiance_w_m2", "W/m2", "global horizontal irradiance", nullable=True),
    _real("pv_expected_kwh", "kWh", "what another forecast expected of the panels", nullable=True),
    _real("vacation", "", "1 where nobody is at home, else 0", nullable=True),
    _real("alarm", "", "1 where the alarm is set, else 0", nullable=True),
)
OUTLOOK_COLUMNS = tuple(column.name for column in _OUTLOOK)

RAW_WEATHER = Table(
    name="raw_weather",
    meaning="What was said about slots ahead, as imported: a row for each slot and time it was known.",
    key=("slot_start", "known_at"),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        _instant("known_at", "when it was said; no forecast of an earlier vintage sees it"),
        *_OUTLOOK,
        _NATIVE,
        _text("source", "file the row came from"),
        _instant("imported_at", "when this row entered the lake"),
    ),
)

SLOT_OBSERVATIONS = Table(
    name="slot_observations",
    meaning="The whole slot grid of a day with what was observed; null where nothing was.",
    key=("slot_start",),
    columns=(_SITE, _SLOT, _LOCAL_DAY, *_MEASURED),
)

DATA_QUALITY_DAILY = Table(
    name="data_quality_daily",
    meaning="One row per day: whether it can be used, and why not.",
    key=("day",),
    day_column="day",
    columns=(
        _SITE,
        _DAY,
        _text("status", "clean, mask_battery (the battery's own readings are not to be learned from) or exclude"),
        _count("bad_hours_load", "hours whose load disagrees with the hourly statistics or the energy balance"),
        _count("bad_hours_pv", "the same for PV"),
        _count("bad_hours_import", "the same for import"),
        _count("bad_hours_export", "the same for export"),
        _count("bad_hours_battery", "hours in which the battery's readings disagree or do not balance"),
        _count("missing_slots", "slots without a core reading"),
        _count("soc_issues", "slots whose state of charge is outside 0-100 % or jumps by more than 40 points"),
        _count("price_issues", "slots without a usable price"),
        _text("reasons", "why the status is what it is, separated by '; '; empty for an unremarkable day"),
    ),
)

SLOT_FORECASTS = Table(
    name="slot_forecasts",
    meaning="Forecasts made at the start of a day (`local_day` of the vintage), up to the end of the next.",
    key=("slot_start", "quantile"),
    columns=(
        _SITE,
        _SLOT,
        Column(name="local_day", dtype=pl.Date(), meaning="local day of the vintage"),
        _instant("vintage", "when the forecast was made; nothing newer went into it"),
        _real("quantile", "", "0.5 is the central forecast"),
        _real("load_kwh", "kWh", "forecast load", nullable=True),
        _real("pv_kwh", "kWh", "forecast PV", nullable=True),
        _real("temp_c", "degC", "forecast temperature", nullable=True),
        _text("model_version", "what made the forecast"),
        _text("correction_source", "what corrected it: none, mean or model"),
    ),
)

_FLOWS = (
    _real("import_price", "money/kWh", "what the home pays, all in"),
    _real("export_price", "money/kWh", "what the home gets, all in"),
    _real("load_kwh", "kWh", "what the house used"),
    _real("pv_kwh", "kWh", "what the panels could make"),
    _real("charge_kw", "kW", "command: charge at this power"),
    _real("discharge_kw", "kW", "command: discharge up to this power"),
    _real("export_kw", "kW", "command: feed the grid up to this power"),
    _real("import_kwh", "kWh", "bought"),
    _real("export_kwh", "kWh", "sold"),
    _real("charge_kwh", "kWh", "into the battery, alternating-current side"),
    _real("discharge_kwh", "kWh", "out of the battery, alternating-current side"),
    _real("curtailed_kwh", "kWh", "PV not taken"),
    _real("soc_start_kwh", "kWh", "stored energy at the slot's start"),
    _real("soc_end_kwh", "kWh", "stored energy at the slot's end"),
    _real("cost", "money", "import - export + wear of this slot"),
    _text("reason", "why the slot was run this way"),
)
_TOTALS = (
    _real("cost", "money", "import - export + wear - settlement of (end - start) stored energy"),
    _real("import_kwh", "kWh", "bought"),
    _real("export_kwh", "kWh", "sold"),
    _real("charge_kwh", "kWh", "into the battery"),
    _real("discharge_kwh", "kWh", "out of the battery"),
    _real("curtailed_kwh", "kWh", "PV not taken"),
    _real("start_soc_kwh", "kWh", "stored energy at the start"),
    _real("end_soc_kwh", "kWh", "stored energy at the end"),
    _real("settlement_value", "money/kWh", "worth of a stored kWh at the end of the day, the same for every policy"),
    _real("peak_kw", "kW", "highest import of a slot"),
    _count("breaches", "slots in which a limit was exceeded"),
    Column(
        name="writes",
        dtype=pl.Int32(),
        nullable=True,
        meaning="changes of the inverter's command within the day; null in results of before it was counted",
    ),
    _text("quality", "status of the day in data_quality_daily"),
    _text("config_version", "hash of battery, limits, tariff and protocol that the figures hold for"),
)

ORACLE_SCHEDULES = Table(
    name="oracle_schedules",
    meaning="What perfect hindsight would have done, slot by slot.",
    key=("slot_start",),
    columns=(_SITE, _SLOT, _LOCAL_DAY, *_FLOWS, _text("config_version", "as in oracle_daily_results")),
)
ORACLE_DAILY_RESULTS = Table(
    name="oracle_daily_results",
    meaning="What perfect hindsight would have paid, a true lower bound; a refused day has no row.",
    key=("day",),
    day_column="day",
    columns=(_SITE, _DAY, *_TOTALS),
)
POLICY_SCHEDULES = Table(
    name="policy_schedules",
    meaning="What each policy did, slot by slot, in daily episodes.",
    key=("policy", "slot_start"),
    columns=(
        _SITE,
        _SLOT,
        _LOCAL_DAY,
        _text("policy", "name of the policy"),
        *_FLOWS,
        _text("config_version", "as in policy_daily_results"),
    ),
)
POLICY_DAILY_RESULTS = Table(
    name="policy_daily_results",
    meaning="What each policy paid in its daily episodes.",
    key=("policy",),
    day_column="day",
    columns=(_SITE, _DAY, _text("policy", "name of the policy"), *_TOTALS),
)
TRAINING_EPISODES = Table(
    name="training_episodes",
    meaning="The days that policies may be trained on, and what they are worth; a refused day has no row.",
    key=("day",),
    day_column="day",
    columns=(
        _SITE,
        _DAY,
        _text("dataset_version", "version of the training data that the day belongs to"),
        _text("quality", "status of the day in data_quality_daily"),
        _flag("battery_masked", "whether the battery's own readings are not to be learned from"),
        _count("n_slots", "slots of the day: 92, 96 or 100"),
        _real("start_soc_kwh", "kWh", "stored energy that every policy started at"),
        _real("settlement_value", "money/kWh", "worth of a stored kWh at the end of the day"),
        *(
            _real(f"{policy}_cost", "money", f"what {policy} paid; null where it was not replayed", nullable=True)
            for policy in ("idle", "self_consumption", "mpc", "value", "oracle")
        ),
        _text("config_version", "as in policy_daily_results"),
    ),
)

_RUN = (
    _SITE,
    _text("run_id", "run in MLflow"),
    Column(name="local_day", dtype=pl.Date(), meaning="local day on which the run ended"),
    _text("model", "registered model, such as antares-home"),
    Column(name="version", dtype=pl.Int32(), meaning="version of the registered model"),
    _text("kind", "kind of bundle: rl, lightgbm, regressors or aurora"),
    _text("algorithm", "what trained it, such as ppo"),
    _text("state_version", "version of the state it sees; empty where it sees none"),
    _text("action_version", "form of its actions; empty where it acts on nothing"),
    _text("reward_version", "version of the reward it was trained on; empty where there was none"),
    _text("tariff_version", "tariff it was trained under; empty fits every tariff"),
    _text("config_version", "hash of the settings it was trained under"),
    _text("code_version", "code that trained it"),
    _text("content_hash", "of the data it learned from"),
    _text("bundle_identity", "hash of the bundle"),
    *(
        Column(name=f"{window}_{end}", dtype=pl.Date(), meaning=f"{end} day of the {window} window", nullable=True)
        for window in ("train", "validation", "test")
        for end in ("first", "last")
    ),
    _text("seeds", "JSON list"),
    _text("hyper_parameters", "JSON object"),
    _text("metrics", "JSON object, figures of the test window"),
    _text("artifact_path", "where the run keeps its files"),
    _text("parent_run_id", "run that it is a part of", nullable=True),
    _instant("created_at", "when the run ended"),
)


def _runs(name: str, meaning: str) -> Table:
    return Table(name=name, meaning=meaning, key=("run_id",), columns=_RUN)


ANTARES_TRAINING_RUNS = _runs("antares_training_runs", "One row per training of any kind that was registered.")
ANTARES_POLICY_RUNS = _runs("antares_policy_runs", "Those of LightGBM policies.")
ANTARES_RL_RUNS = _runs("antares_rl_runs", "Those of policies from reinforcement learning.")

MODEL_PROMOTIONS = Table(
    name="model_promotions",
    meaning="One row per move of a champion: who moved it, when, why, and on what evidence.",
    key=("moved_at", "move_id"),
    columns=(
        _SITE,
        _text("model", "registered model"),
        Column(name="version", dtype=pl.Int32(), meaning="in use since; null for none: `value` decides", nullable=True),
        Column(name="previous", dtype=pl.Int32(), meaning="in use before; null for none", nullable=True),
        _text("action", "promote or rollback"),
        _text("who", "who asked for it"),
        _text("why", "the reason given"),
        _text("evidence", "JSON object: the gate's verdict; empty where there is none"),
        _flag("forced", "whether it was done against the gate's verdict"),
        _instant("moved_at", "when"),
        Column(name="local_day", dtype=pl.Date(), meaning="local day of the move"),
        _text("move_id", "the move, as the pointer names it"),
    ),
)
ANTARES_PLAN_HISTORY = Table(
    name="antares_plan_history",
    meaning="One row per plan of the service: lived ones, and those of shadow policies, which steer nothing.",
    key=("system_id", "created_at", "id"),
    day_column="plan_date",
    columns=(
        _SITE,
        _text("id", "of the plan"),
        _text("system_id", "antares-SITE for what was lived, antares-SITE--shadow-POLICY for a shadow"),
        Column(name="plan_date", dtype=pl.Date(), meaning="local day of the plan's first slot"),
        _text("episode_start_local", "local time at which the system's stored energy was last the home's own"),
        _text("policy_run_id", "run in MLflow, or the policy's name where there is none"),
        _instant("created_at", "when the plan was made"),
        _text("shadow_schedule", "JSON object of columns: slot_start (s since 1970) and kW, kWh, money by slot"),
        _text("metrics", "JSON object: policy, rung, start_soc_kwh, cost, idle_cost, version"),
    ),
)
RUN_TABLES = (ANTARES_TRAINING_RUNS, ANTARES_POLICY_RUNS, ANTARES_RL_RUNS, MODEL_PROMOTIONS, ANTARES_PLAN_HISTORY)
"""Written when something happens, not a day at a time: no daily asset makes them."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        RAW_SPOT_PRICES,
        SPOT_PRICES,
        PRICE_REPAIRS,
        METER_READINGS,
        METER_STATISTICS,
        RAW_WEATHER,
        SLOT_OBSERVATIONS,
        DATA_QUALITY_DAILY,
        SLOT_FORECASTS,
        ORACLE_SCHEDULES,
        ORACLE_DAILY_RESULTS,
        POLICY_SCHEDULES,
        POLICY_DAILY_RESULTS,
        TRAINING_EPISODES,
        *RUN_TABLES,
    )
}
