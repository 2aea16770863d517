"""Tables of schedules, their costs, and training days."""

import polars as pl

from darkstar_pipeline.warehouse.columns import DAY, LOCAL_DAY, SITE, SLOT, Column, Table, count, flag, real, text

_FLOWS = (
    real("import_price", "money/kWh", "what the home pays, all in"),
    real("export_price", "money/kWh", "what the home gets, all in"),
    real("load_kwh", "kWh", "what the house used"),
    real("pv_kwh", "kWh", "what the panels could make"),
    real("charge_kw", "kW", "command: charge at this power"),
    real("discharge_kw", "kW", "command: discharge up to this power"),
    real("export_kw", "kW", "command: feed the grid up to this power"),
    real("import_kwh", "kWh", "imported from the grid"),
    real("export_kwh", "kWh", "exported to the grid"),
    real("charge_kwh", "kWh", "into the battery, alternating-current side"),
    real("discharge_kwh", "kWh", "out of the battery, alternating-current side"),
    real("curtailed_kwh", "kWh", "PV not taken"),
    real("soc_start_kwh", "kWh", "stored energy at the slot's start"),
    real("soc_end_kwh", "kWh", "stored energy at the slot's end"),
    real("cost", "money", "import - export + wear of this slot"),
    text("reason", "why the slot was run this way"),
)
_TOTALS = (
    real("cost", "money", "import - export + wear - settlement of (end - start) stored energy"),
    real("import_kwh", "kWh", "imported from the grid"),
    real("export_kwh", "kWh", "exported to the grid"),
    real("charge_kwh", "kWh", "into the battery"),
    real("discharge_kwh", "kWh", "out of the battery"),
    real("curtailed_kwh", "kWh", "PV not taken"),
    real("start_soc_kwh", "kWh", "stored energy at the start"),
    real("end_soc_kwh", "kWh", "stored energy at the end"),
    real("settlement_value", "money/kWh", "value of a stored kWh at the end of the day, the same for every policy"),
    real("peak_kw", "kW", "highest import of a slot"),
    count("breaches", "slots in which a limit was exceeded"),
    Column(
        name="writes",
        dtype=pl.Int32(),
        nullable=True,
        meaning="changes of the inverter's command within the day; null in results of before it was counted",
    ),
    text("quality", "status of the day in data_quality_daily"),
    text("config_version", "hash of battery, limits, tariff and protocol that the figures hold for"),
)

MODEL = Column(
    name="model",
    dtype=pl.String(),
    nullable=True,
    meaning="content hash of the version that `champion` was; null where `value` stood for it, and for other policies",
)
ORACLE_SCHEDULES = Table(
    name="oracle_schedules",
    meaning="What perfect hindsight would have done, slot by slot.",
    key=("slot_start",),
    columns=(SITE, SLOT, LOCAL_DAY, *_FLOWS, text("config_version", "as in oracle_daily_results")),
)
ORACLE_DAILY_RESULTS = Table(
    name="oracle_daily_results",
    meaning="What perfect hindsight would have paid, a true lower bound; a refused day has no row.",
    key=("day",),
    day_column="day",
    columns=(SITE, DAY, *_TOTALS),
)
POLICY_SCHEDULES = Table(
    name="policy_schedules",
    meaning="What each policy did, slot by slot, in daily episodes.",
    key=("policy", "slot_start"),
    columns=(
        SITE,
        SLOT,
        LOCAL_DAY,
        text("policy", "name of the policy"),
        *_FLOWS,
        text("config_version", "as in policy_daily_results"),
    ),
    optional=(
        real("import_limit_kw", "kW", "command: import no more than this; null for no limit", nullable=True),
        MODEL,
    ),
)
POLICY_DAILY_RESULTS = Table(
    name="policy_daily_results",
    meaning="What each policy paid in its daily episodes.",
    key=("policy",),
    day_column="day",
    columns=(SITE, DAY, text("policy", "name of the policy"), *_TOTALS),
    optional=(MODEL,),
)
TRAINING_EPISODES = Table(
    name="training_episodes",
    meaning="The days that policies may be trained on, and what each policy paid on them; a refused day has no row.",
    key=("day",),
    day_column="day",
    columns=(
        SITE,
        DAY,
        text("dataset_version", "version of the training data that the day belongs to"),
        text("quality", "status of the day in data_quality_daily"),
        flag("battery_masked", "whether the battery's own readings are not to be learned from"),
        count("n_slots", "slots of the day: 92, 96 or 100"),
        real("start_soc_kwh", "kWh", "stored energy that every policy started at"),
        real("settlement_value", "money/kWh", "value of a stored kWh at the end of the day"),
        *(
            real(f"{policy}_cost", "money", f"what {policy} paid; null where it was not replayed", nullable=True)
            for policy in ("idle", "self_consumption", "mpc", "value", "oracle")
        ),
        text("config_version", "as in policy_daily_results"),
    ),
)
