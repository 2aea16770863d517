"""The sizes of single readings: what is rounding or standby, and what no home can have read."""

import polars as pl

from darkstar_pipeline.sources.parsed import reason_if
from darkstar_pipeline.sources.plausibility import MAX_HOME_KW, implied_kw
from darkstar_pipeline.warehouse.schemas import ENERGY_COLUMNS, SOC_COLUMNS
from planner.wording.columns import worded

ROUNDING_KWH = 1e-6
_SOC_LIMITS = (-50.0, 150.0)
"""Outside these limits a value cannot be a state of charge [%]; values outside 0-100 % are left to the quality gate."""
_STANDBY_KW = 0.05
"""An inverter asleep draws some watts, which a PV meter may show as a small negative power [kW]."""


def rounded(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Set to zero what is negative only by rounding or, for PV, by the inverter's standby power at night."""
    zeroed: list[pl.Expr] = []
    for name in columns:
        if name in ENERGY_COLUMNS:
            nothing = pl.col(name).is_between(-ROUNDING_KWH, 0)
            if name == "pv_kwh":
                nothing |= implied_kw(name).is_between(-_STANDBY_KW, 0)
            zeroed.append(pl.when(nothing).then(0.0).otherwise(pl.col(name)).alias(name))
    return frame.with_columns(zeroed)


def value_checks(columns: list[str]) -> list[pl.Expr]:
    """Return the checks of the sizes of one row's values."""
    checks: list[pl.Expr] = []
    for name in columns:
        value, label = pl.col(name), pl.lit(name)
        if name in SOC_COLUMNS:
            outside = ~value.is_between(*_SOC_LIMITS)
            checks.append(reason_if(outside, worded("{} {} % is no state of charge", label, value)))
            continue
        power = implied_kw(name)
        too_much = worded("{} {} kWh implies {} kW, more than a home can", label, value, power.round(1))
        checks += [
            reason_if(value < 0, worded("{} {} kWh is negative", label, value)),
            reason_if(power > MAX_HOME_KW, too_much),
        ]
    return checks
