"""An asset materialized by Dagster on given inputs, without what lies before it in the graph."""

from collections.abc import Mapping
from datetime import date

import dagster as dg
import polars as pl


class GivenFrames(dg.IOManager):
    """Gives each input as it was given, and keeps what came out.

    Args:
        inputs: rows by the name of the asset they are of.
    """

    def __init__(self, inputs: Mapping[str, pl.DataFrame]) -> None:
        self.inputs = inputs
        self.outputs: list[pl.DataFrame] = []

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        return self.inputs[context.asset_key.path[-1]]

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        del context
        self.outputs.append(obj)


def materialized(
    asset: dg.AssetsDefinition, first: date, last: date, **inputs: pl.DataFrame
) -> tuple[pl.DataFrame, list[dg.AssetCheckEvaluation]]:
    """Return the rows and the checks of a run over some days."""
    frames = GivenFrames(inputs)
    tags = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)}
    given = [dg.AssetSpec(key, partitions_def=asset.partitions_def) for key in asset.dependency_keys]
    done = dg.materialize([asset, *given], resources={"io_manager": frames}, tags=tags)
    (rows,) = frames.outputs
    return rows, list(done.get_asset_check_evaluations())
