"""Tables of training runs, promotions and plans."""

import polars as pl

from darkstar_pipeline.warehouse.columns import SITE, Column, Table, count, flag, instant, real, text

_RUN = (
    SITE,
    text("run_id", "run in MLflow"),
    Column(name="local_day", dtype=pl.Date(), meaning="local day on which the run ended"),
    text("model", "registered model, such as antares-home"),
    Column(name="version", dtype=pl.Int32(), meaning="version of the registered model"),
    text("kind", "kind of bundle: rl, lightgbm, regressors, aurora or prices"),
    text("algorithm", "what trained it, such as ppo"),
    text("state_version", "version of the state it sees; empty where it sees none"),
    text("action_version", "form of its actions; empty where it acts on nothing"),
    text("reward_version", "version of the reward it was trained on; empty where there was none"),
    text("tariff_version", "tariff it was trained under; empty fits every tariff"),
    text("config_version", "hash of the settings it was trained under"),
    text("code_version", "code that trained it"),
    text("content_hash", "of the data it learned from"),
    text("bundle_identity", "hash of the bundle"),
    *(
        Column(name=f"{window}_{end}", dtype=pl.Date(), meaning=f"{end} day of the {window} window", nullable=True)
        for window in ("train", "validation", "test")
        for end in ("first", "last")
    ),
    text("seeds", "JSON list"),
    text("hyper_parameters", "JSON object"),
    text("metrics", "JSON object, figures of the test window"),
    text("artifact_path", "where the run keeps its files"),
    text("parent_run_id", "run that it is a part of", nullable=True),
    instant("created_at", "when the run ended"),
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
        SITE,
        text("model", "registered model"),
        Column(name="version", dtype=pl.Int32(), meaning="in use since; null for none: `value` decides", nullable=True),
        Column(name="previous", dtype=pl.Int32(), meaning="in use before; null for none", nullable=True),
        text("action", "promote or rollback"),
        text("who", "who asked for it"),
        text("why", "the reason given"),
        text("evidence", "JSON object: the gate's verdict; empty where there is none"),
        flag("forced", "whether it was done against the gate's verdict"),
        instant("moved_at", "when"),
        Column(name="local_day", dtype=pl.Date(), meaning="local day of the move"),
        text("move_id", "the move, as the pointer names it"),
    ),
)
ANTARES_PLAN_HISTORY = Table(
    name="antares_plan_history",
    meaning="One row per plan of the service: of the live planner, and of shadow policies, which control nothing.",
    key=("system_id", "created_at", "id"),
    day_column="plan_date",
    columns=(
        SITE,
        text("id", "of the plan"),
        text("system_id", "antares-SITE for the live plans, antares-SITE--shadow-POLICY for a shadow"),
        Column(name="plan_date", dtype=pl.Date(), meaning="local day of the plan's first slot"),
        text("episode_start_local", "local time at which the system's stored energy was last the home's own"),
        text("policy_run_id", "run in MLflow, or the policy's name where there is none"),
        instant("created_at", "when the plan was made"),
        text("shadow_schedule", "JSON object of columns: slot_start (s since 1970) and kW, kWh, money by slot"),
        text("metrics", "JSON object: policy, rung, start_soc_kwh, cost, idle_cost, version"),
    ),
)
MISSING_MONEY = Table(
    name="missing_money",
    meaning="What the policy value misses to perfect hindsight on the last days, stored energy carried through.",
    key=("place",),
    columns=(
        SITE,
        Column(name="local_day", dtype=pl.Date(), meaning="local day on which it was worked out, from the days before"),
        count("place", "place of the row, from 0"),
        text("what", "what would be known, or the battery"),
        real("gain", "money", "what value would save besides; of a battery without its price"),
        real("share", "1", "of what value saves; null where it saves nothing", nullable=True),
        real("part", "1", "of what is missing to hindsight; null for a battery", nullable=True),
        real("saved", "money", "what value saves against a battery that is not used"),
        Column(name="first_day", dtype=pl.Date(), meaning="first of the days"),
        Column(name="last_day", dtype=pl.Date(), meaning="last of the days"),
        count("days", "usable days between them"),
        text("config_version", "as in policy_daily_results"),
    ),
)
LEARNED_VALUES = Table(
    name="learned_values",
    meaning="One row per quantity and step of the learning engine, and per reset: every value with its cause.",
    key=("changed_at", "quantity"),
    columns=(
        SITE,
        Column(name="local_day", dtype=pl.Date(), meaning="local day of the step"),
        instant("changed_at", "when"),
        text("action", "learned, kept (nothing to change), reset or undone"),
        text("quantity", "what drifts, such as load_evening (docs/learning.md)"),
        text("unit", "of the values; empty for a factor or a share"),
        real("configured", "", "value by the settings, that a reset returns to"),
        real("old_value", "", "value before"),
        real("new_value", "", "value since"),
        real("shown", "", "what readings show, before steps and bounds; null where they show nothing", nullable=True),
        count("samples", "days or full cycles that this rests on"),
        text("cause", "JSON: why, as a sentence with its values, which pages tell in their language"),
    ),
)
