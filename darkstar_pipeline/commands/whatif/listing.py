"""Lists the commands of `darkstar whatif`."""

import typer

from darkstar_pipeline.commands.whatif import export, plan, replay, sizing
from darkstar_pipeline.console.call import command, group_of, shared_options

WHATIF_PURPOSE = "Try another battery, tariff, area or house on paper."
WHATIF_EXAMPLES = """\b
Examples:
  darkstar whatif replay --last 30d --set battery.capacity_kwh=15
  darkstar whatif plan --pv-scale 2
  darkstar whatif export --slots 4
  darkstar whatif sizing --load year.csv --area SE3"""


def whatif_commands() -> typer.Typer:
    """Return the group of commands that try changes on paper."""
    group = group_of(WHATIF_PURPOSE)
    group.callback(epilog=WHATIF_EXAMPLES)(shared_options)
    command(
        group,
        "plan",
        examples=(
            "darkstar whatif plan --set battery.capacity_kwh=15",
            "darkstar whatif plan --day 2026-01-31 --pv-scale 2 --slots",
            "darkstar whatif plan --day 2026-01-31 --policy oracle --set battery.charge_kw=3",
        ),
    )(plan.plan)
    command(
        group,
        "export",
        examples=(
            "darkstar whatif export",
            "darkstar whatif export --slots 8 --sell 2,4,6,8 --out export.png",
            "darkstar whatif export --day 2026-01-31 --hindsight --no-wear --export-price-min 0.5",
        ),
    )(export.export)
    command(
        group,
        "replay",
        examples=(
            "darkstar whatif replay --from 2026-01-01 --to 2026-01-31 --set battery.capacity_kwh=15",
            "darkstar whatif replay --last 30d --pv-scale 1.5 --policies value,oracle",
            "darkstar whatif replay --last 4w --set 'tariff.power=[{price_per_kw: 81.25}]'",
            "darkstar whatif replay --last 4w --add-load 3@22:00-04:00 --no-wear",
        ),
    )(replay.replay)
    command(
        group,
        "sizing",
        examples=(
            "darkstar whatif sizing --capacity 5,10,15 --power 3,5,8",
            "darkstar whatif sizing --cost-per-kwh 3500 --cost-fixed 20000 --out sizes.png",
            "darkstar whatif sizing --load year.csv --area SE3",
            "darkstar whatif sizing --load meter.csv --clock local --area SE4 --prices prices.csv",
        ),
    )(sizing.sizing)
    return group
