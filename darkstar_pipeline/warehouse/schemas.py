"""Every table of the lake, declared once: name, type, unit, nullable, meaning.

Writes are checked against this, the DuckDB views are made from it, and the docs and the Dagster UI print it.
What does not belong here: paths and files (`lake`), SQL (`query`).
"""

from darkstar_pipeline.warehouse.columns import Column, Table
from darkstar_pipeline.warehouse.input_tables import (
    DATA_QUALITY_DAILY,
    ENERGY_COLUMNS,
    IMPORT_PROVENANCE,
    IMPORT_REMARKS,
    METER_READINGS,
    METER_STATISTICS,
    OUTLOOK_COLUMNS,
    PRICE_REPAIRS,
    RAW_SPOT_PRICES,
    RAW_WEATHER,
    SLOT_FORECASTS,
    SLOT_OBSERVATIONS,
    SOC_COLUMNS,
    SPOT_PRICES,
)
from darkstar_pipeline.warehouse.result_tables import (
    ORACLE_DAILY_RESULTS,
    ORACLE_SCHEDULES,
    POLICY_DAILY_RESULTS,
    POLICY_SCHEDULES,
    TRAINING_EPISODES,
)
from darkstar_pipeline.warehouse.run_tables import (
    ANTARES_PLAN_HISTORY,
    ANTARES_POLICY_RUNS,
    ANTARES_RL_RUNS,
    ANTARES_TRAINING_RUNS,
    LEARNED_VALUES,
    MISSING_MONEY,
    MODEL_PROMOTIONS,
)

RUN_TABLES = (
    ANTARES_TRAINING_RUNS,
    ANTARES_POLICY_RUNS,
    ANTARES_RL_RUNS,
    MODEL_PROMOTIONS,
    ANTARES_PLAN_HISTORY,
    MISSING_MONEY,
    LEARNED_VALUES,
)
"""Written when something happens, not a day at a time: no daily asset makes them."""

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        RAW_SPOT_PRICES,
        SPOT_PRICES,
        PRICE_REPAIRS,
        METER_READINGS,
        METER_STATISTICS,
        IMPORT_PROVENANCE,
        IMPORT_REMARKS,
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

__all__ = [
    "ANTARES_PLAN_HISTORY",
    "ANTARES_POLICY_RUNS",
    "ANTARES_RL_RUNS",
    "ANTARES_TRAINING_RUNS",
    "DATA_QUALITY_DAILY",
    "ENERGY_COLUMNS",
    "IMPORT_PROVENANCE",
    "IMPORT_REMARKS",
    "LEARNED_VALUES",
    "METER_READINGS",
    "METER_STATISTICS",
    "MISSING_MONEY",
    "MODEL_PROMOTIONS",
    "ORACLE_DAILY_RESULTS",
    "ORACLE_SCHEDULES",
    "OUTLOOK_COLUMNS",
    "POLICY_DAILY_RESULTS",
    "POLICY_SCHEDULES",
    "PRICE_REPAIRS",
    "RAW_SPOT_PRICES",
    "RAW_WEATHER",
    "RUN_TABLES",
    "SLOT_FORECASTS",
    "SLOT_OBSERVATIONS",
    "SOC_COLUMNS",
    "SPOT_PRICES",
    "TABLES",
    "TRAINING_EPISODES",
    "Column",
    "Table",
]
