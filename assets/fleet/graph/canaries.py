"""The fleet's canaries: the versions that some homes of a class run ahead, judged on the days since they began.

What does not belong here: the judgement (`darkstar_pipeline.learning.fleet.canaries`).
"""

from pathlib import Path

import dagster as dg
import polars as pl

from assets.description import markdown_table
from assets.fleet.graph.daily_results import DAILY_RESULTS, FLEET, HEAVY_POOL
from assets.home import Check, Result, beta_features
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.engines.choice import on_engine

CANARIES = dg.AssetKey([FLEET, "canaries"])
NONE_WORSE = Check(name="none_worse", description="No canary was taken back because it is surely dearer, or breaches.")
_SHOWN = {
    "class": pl.String,
    "version": pl.Int64,
    "step": pl.String,
    "homes": pl.Int64,
    "days": pl.Int64,
    "reason": pl.String,
    "left out": pl.String,
}


def canaries_asset(settings: Settings, state: Path) -> dg.AssetsDefinition:
    """Return the asset `fleet/canaries`.

    Args:
        settings: the configuration, with a fleet.
        state: the state folder.
    """

    def canaries() -> Result:
        """Judge every canary: a worse one is taken back, one that is not goes to all homes once its days are enough."""
        from darkstar_pipeline.learning.fleet.canaries import judge_canaries  # loading models is slow
        from darkstar_pipeline.learning.fleet.class_homes import Fleet
        from darkstar_pipeline.learning.fleet.left_out import in_words

        with on_engine(lambda: settings.engine):
            judged = judge_canaries(Fleet(settings, state))
        rows = pl.DataFrame(
            [
                {
                    "class": each.class_name,
                    "version": each.canary.ref.version,
                    "step": each.verdict.step,
                    "homes": each.verdict.finding.n_homes,
                    "days": each.verdict.finding.n_days,
                    "reason": "; ".join(each.verdict.reasons),
                    "left out": "; ".join(in_words(each.left_out)),
                }
                for each in judged
            ],
            schema=_SHOWN,
        )
        worse = rows.filter(pl.col("step") == "rollback")
        return dg.MaterializeResult(
            metadata={
                "canaries": rows.height,
                "homes left out": sum(len(each.left_out) for each in judged),
                "what became of them": markdown_table(rows),
            },
            check_results=[NONE_WORSE.result(passed=worse.is_empty(), taken_back=markdown_table(worse))],
        )

    with beta_features():
        return dg.asset(  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - untyped in Dagster
            key_prefix=[FLEET],
            deps=[DAILY_RESULTS],
            check_specs=[NONE_WORSE.spec(CANARIES)],
            pool=HEAVY_POOL,
            group_name=FLEET,
            kinds={"lightgbm"},
        )(canaries)
