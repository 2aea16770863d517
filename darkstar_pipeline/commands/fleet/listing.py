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
_ALL = "leave it out: the command is of all homes"
_BY_COLUMN = "leave it out: the column site of the file names its homes"
_BY_CLASS = "leave it out: models are of classes of homes, --class NAME chooses one"
_BY_TENANT = "leave it out: tokens are of tenants, --tenant NAME chooses one"
TOKENS = "Say who may ask the fleet's service, and whose homes they see."


def fleet_commands() -> typer.Typer:
    """Return the group of commands on a fleet."""
    group = group_of(FLEET_PURPOSE)
    group.callback()(shared_options)
    command(
        group,
        "import",
        examples=("darkstar fleet import homes.csv --dry-run", "darkstar fleet import homes.parquet --remove-missing"),
        without_site="leave it out: a file with one row changes that home alone",
    )(import_homes.import_homes)
    command(
        group,
        "launch",
        examples=(
            "darkstar fleet launch --from 2025-01-01 --to 2025-12-31 --dry-run",
            "darkstar fleet launch --from 2025-01-01 --to 2025-12-31",
        ),
        without_site="leave it out, or do one home by `darkstar fleet backfill --site NAME`",
    )(launch.launch)
    command(
        group,
        "homes",
        examples=("darkstar fleet homes --area SE4", "darkstar fleet homes --after home-0100"),
        without_site="leave it out, or name a home by `darkstar fleet show NAME`",
    )(homes.homes)
    command(
        group,
        "show",
        examples=("darkstar fleet show home-0001", "darkstar fleet show home-0001 --all"),
        without_site="name the home without it: `darkstar fleet show NAME`",
    )(show.show)
    command(
        group,
        "adopt",
        examples=("darkstar fleet adopt --site villa --state /var/lib/darkstar/state --dry-run",),
    )(adopt.adopt)
    command(
        group,
        "capacity",
        examples=("darkstar fleet capacity --homes 10000", "darkstar fleet capacity --homes 1000000 --plans-a-day 24"),
        without_site=_ALL,
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
        without_site=_BY_COLUMN,
    )(readings.readings)
    command(
        group,
        "prices",
        examples=("darkstar fleet prices areas.parquet", "darkstar fleet prices spot.csv --area SE4"),
        without_site="leave it out: prices are of areas",
    )(readings.prices)
    command(
        group,
        "sample",
        examples=("darkstar fleet sample --homes 200 --days 8", "DARKSTAR_CONFIG=fleet.yaml darkstar fleet sample"),
        without_site=_ALL,
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
        without_site="leave it out, and choose by SQL: WHERE site = 'NAME'",
    )(query.query)


def _add_model_commands(group: typer.Typer) -> None:
    command(
        group,
        "train",
        examples=("darkstar fleet train", "darkstar fleet train --class sek-912efb44a97f-pv-fast-v2 --homes 80"),
        without_site=_BY_CLASS,
    )(train.train)
    command(
        group,
        "models",
        examples=("darkstar fleet models", "darkstar fleet models --class sek-912efb44a97f-pv-fast-v2"),
        without_site=_BY_CLASS,
    )(models.models)
    command(
        group,
        "promote",
        examples=(
            "darkstar fleet promote --class sek-912efb44a97f-pv-fast-v2",
            "darkstar fleet promote --class sek-912efb44a97f-pv-fast-v2 --share 1",
        ),
        without_site=_BY_CLASS,
    )(moves.promote)
    command(
        group,
        "rollback",
        examples=('darkstar fleet rollback --class sek-912efb44a97f-pv-fast-v2 --why "dearer in the cold"',),
        without_site=_BY_CLASS,
    )(moves.rollback)
    command(
        group,
        "canaries",
        examples=("darkstar fleet canaries", "darkstar fleet canaries --to 2026-02-28"),
        without_site=_BY_CLASS,
    )(moves.canaries)


def _token_commands() -> typer.Typer:
    group = group_of(TOKENS)
    group.callback()(shared_options)
    command(
        group,
        "create",
        examples=("darkstar fleet token create --tenant acme", "darkstar fleet token create --operator --scope write"),
        without_site=_BY_TENANT,
    )(token.create)
    command(
        group,
        "list",
        examples=("darkstar fleet token list", "darkstar fleet token list --tenant acme"),
        without_site=_BY_TENANT,
    )(token.tokens)
    command(group, "revoke", examples=("darkstar fleet token revoke 1a2b3c4d5e6f",), without_site=_BY_TENANT)(
        token.revoke
    )
    return group
