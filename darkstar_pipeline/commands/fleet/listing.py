"""Lists the commands on a fleet."""

import typer

from darkstar_pipeline.commands.fleet import (
    adopt,
    backfill,
    capacity,
    evaluate,
    homes,
    import_homes,
    launch,
    models,
    moves,
    plan,
    query,
    readings,
    sample,
    show,
    token,
    train,
)
from darkstar_pipeline.console.call import command, group_of, shared_options

FLEET_PURPOSE = "Run thousands of homes: their settings as rows, and all of them at once."
TOKENS = "Say who may ask the fleet's service, and whose homes they see."


def fleet_commands() -> typer.Typer:
    """Return the group of commands on a fleet."""
    group = group_of(FLEET_PURPOSE)
    group.callback()(shared_options)
    command(
        group,
        "import",
        examples=("darkstar fleet import homes.csv --dry-run", "darkstar fleet import homes.parquet --remove-missing"),
    )(import_homes.import_homes)
    command(
        group,
        "launch",
        examples=(
            "darkstar fleet launch --from 2025-01-01 --to 2025-12-31 --dry-run",
            "darkstar fleet launch --from 2025-01-01 --to 2025-12-31",
        ),
    )(launch.launch)
    command(group, "homes", examples=("darkstar fleet homes --area SE4", "darkstar fleet homes --after home-0100"))(
        homes.homes
    )
    command(group, "show", examples=("darkstar fleet show home-0001", "darkstar fleet show home-0001 --all"))(show.show)
    command(
        group,
        "adopt",
        examples=("darkstar fleet adopt --site villa --state /var/lib/darkstar/state --dry-run",),
    )(adopt.adopt)
    command(
        group,
        "capacity",
        examples=("darkstar fleet capacity --homes 10000", "darkstar fleet capacity --homes 1000000 --plans-a-day 24"),
    )(capacity.capacity)
    command(group, "plan", examples=("darkstar fleet plan", "darkstar fleet plan --at 2026-03-30T12:00 --json"))(
        plan.plan
    )
    _add_data_commands(group)
    group.add_typer(_token_commands(), name="token", short_help=TOKENS)
    _add_model_commands(group)
    return group


def _add_data_commands(group: typer.Typer) -> None:
    """Add the commands on days of all homes, from readings to results."""
    command(
        group,
        "readings",
        examples=("darkstar fleet readings 2026-11-29.parquet", "darkstar fleet readings *.csv --clock local"),
    )(readings.readings)
    command(
        group,
        "prices",
        examples=("darkstar fleet prices areas.parquet", "darkstar fleet prices spot.csv --area SE4"),
    )(readings.prices)
    command(
        group,
        "sample",
        examples=("darkstar fleet sample --homes 200 --days 8", "DARKSTAR_CONFIG=fleet.yaml darkstar fleet sample"),
    )(sample.sample)
    command(
        group,
        "backfill",
        examples=(
            "darkstar fleet backfill --from 2026-01-01 --to 2026-01-31",
            "darkstar fleet backfill --from 2026-01-01 --to 2026-01-31 --bucket 7",
        ),
    )(backfill.backfill)
    command(
        group,
        "evaluate",
        examples=(
            "darkstar fleet evaluate --from 2026-01-01 --to 2026-01-31",
            "darkstar fleet evaluate --from 2026-01-01 --to 2026-01-31 --worst 20 --json",
        ),
    )(evaluate.evaluate)
    command(
        group,
        "query",
        examples=(
            'darkstar fleet query "SELECT site, cost FROM policy_daily_results" --last 7d',
            'darkstar fleet query "DESCRIBE spot_prices"',
        ),
    )(query.query)


def _add_model_commands(group: typer.Typer) -> None:
    command(
        group,
        "train",
        examples=("darkstar fleet train", "darkstar fleet train --class sek-912efb44a97f-pv-fast-v2 --homes 80"),
    )(train.train)
    command(
        group,
        "models",
        examples=("darkstar fleet models", "darkstar fleet models --class sek-912efb44a97f-pv-fast-v2"),
    )(models.models)
    command(
        group,
        "promote",
        examples=(
            "darkstar fleet promote --class sek-912efb44a97f-pv-fast-v2",
            "darkstar fleet promote --class sek-912efb44a97f-pv-fast-v2 --share 1",
        ),
    )(moves.promote)
    command(
        group,
        "rollback",
        examples=('darkstar fleet rollback --class sek-912efb44a97f-pv-fast-v2 --why "dearer in the cold"',),
    )(moves.rollback)
    command(group, "canaries", examples=("darkstar fleet canaries", "darkstar fleet canaries --to 2026-02-28"))(
        moves.canaries
    )


def _token_commands() -> typer.Typer:
    group = group_of(TOKENS)
    group.callback()(shared_options)
    command(
        group,
        "create",
        examples=("darkstar fleet token create --tenant acme", "darkstar fleet token create --operator --scope write"),
    )(token.create)
    command(group, "list", examples=("darkstar fleet token list", "darkstar fleet token list --tenant acme"))(
        token.tokens
    )
    command(group, "revoke", examples=("darkstar fleet token revoke 1a2b3c4d5e6f",))(token.revoke)
    return group
