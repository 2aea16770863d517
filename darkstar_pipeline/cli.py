"""The `darkstar` command line: `commands` defines the commands, `console` runs them, this module lists them.

Nothing heavy is imported here, because `darkstar --help` has to come at once: Polars, DuckDB, Dagster, MLflow and
matplotlib are imported inside the commands that need them.
"""

import logging
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from darkstar_pipeline.commands import (
    backfill,
    compare,
    control,
    evaluate,
    imports,
    init,
    maintenance,
    models,
    plan,
    plot,
    quality,
    query,
    sample,
    serve,
    shadow,
    train,
    ui,
    verify,
)
from darkstar_pipeline.commands.fetch import prices as fetch_prices
from darkstar_pipeline.commands.fetch import readings as fetch_readings
from darkstar_pipeline.commands.fetch import state as fetch_state
from darkstar_pipeline.commands.fetch import weather as fetch_weather
from darkstar_pipeline.commands.fleet.listing import FLEET_PURPOSE, fleet_commands
from darkstar_pipeline.commands.household import strategy
from darkstar_pipeline.commands.household.listing import (
    BY_HAND_PURPOSE,
    CACHES_PURPOSE,
    CAR_PURPOSE,
    CARE_PURPOSE,
    LEARNING_PURPOSE,
    RESET_PURPOSE,
    by_hand_commands,
    caches_commands,
    car_commands,
    care_commands,
    learning_commands,
    reset_commands,
)
from darkstar_pipeline.commands.notify import trial as notify_trial
from darkstar_pipeline.commands.reports import appliance, month
from darkstar_pipeline.commands.tariffs import listing, use
from darkstar_pipeline.commands.whatif.listing import WHATIF_PURPOSE, whatif_commands
from darkstar_pipeline.console.call import (
    DebugOption,
    JsonOption,
    SiteOption,
    command,
    default_command,
    group_of,
    run,
    shared_options,
)
from darkstar_pipeline.state.privacy import keep_files_private

DEFINITION = "Plan a home battery, learn from the home's own history, and measure the savings in money."
IMPORT_PURPOSE = "Import files into the lake; repeating an import changes nothing."
MODELS_PURPOSE = "List trained versions with their evidence; promote, roll back."
FIRST_STEPS = """\b
First steps:
  darkstar sample --run              the embedded home, from raw data to costs
  darkstar init --area SE4           a home of your own
  darkstar import observations FILE  its meter readings
  darkstar fetch prices --from D     its spot prices
  darkstar backfill --from D --to D  repair, grade, and replay every policy
  darkstar evaluate --from D --to D --policies idle,mpc,oracle

State is kept in $DARKSTAR_HOME (default .darkstar), the configuration in $DARKSTAR_CONFIG (default darkstar.yaml)."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    keep_files_private()
    arguments = sys.argv[1:]
    level = logging.INFO if "--debug" in arguments else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s: %(message)s")
    logging.captureWarnings(capture=True)
    if level > logging.INFO:
        _quieten_libraries()
    sys.exit(run(build(), arguments))


def _quieten_libraries() -> None:
    """Show libraries' warnings and tracebacks with `--debug` only: they are for developers."""
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Remove the traceback of a log record; its message stays."""
    record.exc_info = record.exc_text = None
    return True


def build() -> typer.Typer:
    """Return the command line with all its commands."""
    app = group_of(DEFINITION)
    app.callback(epilog=FIRST_STEPS)(_root_options)
    _add_site_commands(app)
    app.add_typer(_tariffs(), name="tariffs", short_help="Show and use the catalogue of taxes and grid tariffs.")
    app.add_typer(_imports(), name="import", short_help=IMPORT_PURPOSE)
    app.add_typer(_fetch(), name="fetch", short_help=fetch_state.PURPOSE)
    _add_day_commands(app)
    _add_evaluation_commands(app)
    app.add_typer(whatif_commands(), name="whatif", short_help=WHATIF_PURPOSE)
    app.add_typer(_models(), name="models", short_help=MODELS_PURPOSE)
    _add_learning_commands(app)
    app.add_typer(learning_commands(), name="learning", short_help=LEARNING_PURPOSE)
    app.add_typer(reset_commands(), name="reset", short_help=RESET_PURPOSE)
    _add_service_commands(app)
    app.add_typer(_control(), name="control", short_help=control.PURPOSE)
    app.add_typer(car_commands(), name="car", short_help=CAR_PURPOSE)
    app.add_typer(care_commands(), name="care", short_help=CARE_PURPOSE)
    app.add_typer(by_hand_commands(), name="byhand", short_help=BY_HAND_PURPOSE)
    app.add_typer(_notify(), name="notify", short_help=notify_trial.PURPOSE)
    app.add_typer(fleet_commands(), name="fleet", short_help=FLEET_PURPOSE)
    _add_maintenance_commands(app)
    app.add_typer(caches_commands(), name="caches", short_help=CACHES_PURPOSE)
    return app


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer hands a flag over by position
    if wanted:
        typer.echo(version("darkstar-pipeline"))
        raise typer.Exit


def _root_options(
    context: typer.Context,
    *,
    as_json: JsonOption = False,
    site: SiteOption = None,
    debug: DebugOption = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    shared_options(context, as_json=as_json, site=site, debug=debug)


def _add_site_commands(app: typer.Typer) -> None:
    """Add the commands that make a site."""
    command(app, "init", examples=("darkstar init", "darkstar init --site cabin --area SE4 --yes"))(init.init)
    command(app, "sample", examples=("darkstar sample --run", "darkstar sample && darkstar --site sample doctor"))(
        sample.sample
    )


def _tariffs() -> typer.Typer:
    """Return the group of commands on the catalogue of tariffs."""
    group = group_of("Show and use the catalogue of taxes and grid tariffs.")
    group.callback()(shared_options)
    command(group, "list", examples=("darkstar tariffs list --area SE3", "darkstar tariffs list --sources"))(
        listing.listing
    )
    command(group, "use", examples=("darkstar tariffs use ellevio", "darkstar --site cabin tariffs use none"))(use.use)
    return group


def _imports() -> typer.Typer:
    """Return the group of commands that import data."""
    group = group_of(IMPORT_PURPOSE)
    group.callback()(shared_options)
    command(group, "observations", examples=("darkstar import observations readings.parquet",))(imports.observations)
    command(group, "prices", examples=("darkstar import prices spot_prices.parquet --area SE4",))(imports.prices)
    command(group, "weather", examples=("darkstar import weather forecasts.parquet",))(imports.weather)
    command(
        group,
        "ha",
        examples=(
            "darkstar import ha history.csv statistics.json",
            "darkstar import ha *.csv --map sensor.roof=pv_kwh",
        ),
    )(imports.home_assistant)
    return group


def _fetch() -> typer.Typer:
    """Return the group of commands that fetch data from their sources."""
    group = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
    default_command(group, examples=("darkstar fetch", "darkstar fetch --json"))(fetch_state.state)
    command(
        group,
        "prices",
        examples=("darkstar fetch prices", "darkstar fetch prices --from 2024-01-01 --to 2024-12-31"),
    )(fetch_prices.prices)
    command(
        group,
        "readings",
        examples=("darkstar fetch readings", "darkstar fetch readings --from 2024-01-01 --to 2024-12-31"),
    )(fetch_readings.readings)
    command(group, "weather", examples=("darkstar fetch weather", "darkstar fetch weather --from 2025-01-01"))(
        fetch_weather.weather
    )
    return group


def _add_day_commands(app: typer.Typer) -> None:
    """Add the commands that process and grade days."""
    command(
        app,
        "backfill",
        examples=(
            "darkstar backfill --from 2026-01-01 --to 2026-01-31",
            "darkstar backfill --from 2026-01-01 --to 2026-01-31 --select 'spot_prices*'",
        ),
    )(backfill.backfill)
    command(app, "quality", examples=("darkstar quality --from 2026-01-01 --to 2026-01-31",))(quality.quality)


def _add_evaluation_commands(app: typer.Typer) -> None:
    """Add the commands that plan, verify and evaluate policies."""
    command(
        app,
        "evaluate",
        examples=("darkstar evaluate --from 2026-01-01 --to 2026-01-31 --policies mpc,oracle",),
    )(evaluate.evaluate)
    command(
        app,
        "schedule",
        examples=(
            "darkstar schedule --day 2026-01-31 --policy mpc",
            "darkstar schedule --day 2026-01-31 --policy oracle --out oracle.csv",
        ),
    )(evaluate.schedule)
    command(
        app,
        "compare",
        examples=("darkstar compare 3 4 --from 2026-01-01 --to 2026-01-31", "darkstar compare value champion"),
    )(compare.compare)
    command(app, "plot", examples=("darkstar plot --day 2026-01-31 --policies mpc,oracle --out day.png",))(plot.plot)
    command(app, "appliance", examples=("darkstar appliance --kw 2 --hours 1.5 --by 2026-02-01T07:00",))(
        appliance.appliance
    )
    command(app, "report", examples=("darkstar report --month 2026-01 --out january.pdf",))(month.month_report)
    command(app, "stats", examples=("darkstar stats --day 2026-01-31",))(evaluate.stats)
    command(
        app,
        "plan",
        examples=(
            "darkstar plan",
            "darkstar plan --at 2026-01-31T14:00 --soc 40 --slots",
            "darkstar plan --car 20=2026-02-01T07:00 --vacation",
            "darkstar plan --appliance dishwasher=2026-02-01T06:00",
        ),
    )(plan.plan)
    command(
        app,
        "verify",
        examples=(
            "darkstar verify --day 2026-01-31 --policy mpc",
            "darkstar verify oracle.csv --policy oracle",
        ),
    )(verify.verify)


def _add_service_commands(app: typer.Typer) -> None:
    """Add the planner service and its shadow policies."""
    command(
        app,
        "serve",
        examples=("darkstar serve", "darkstar serve --port 9000 --at 2026-01-31T14:00", "darkstar serve --fleet"),
    )(serve.serve)
    command(
        app,
        "shadow",
        examples=(
            "darkstar shadow --from 2026-01-01 --to 2026-01-31",
            "darkstar shadow --from 2026-01-01 --to 2026-01-31 --policy mpc --policy rl",
        ),
    )(shadow.shadow)
    command(app, "strategy", examples=("darkstar strategy --from 2026-01-01 --to 2026-01-31",))(strategy.strategy)


def _control() -> typer.Typer:
    """Return the group of commands that guard the control of the inverter."""
    group = group_of(control.PURPOSE)
    group.callback()(shared_options)
    command(group, "guard", examples=("darkstar control guard", "darkstar control guard --site home"))(control.guard)
    command(
        group,
        "install",
        examples=("darkstar control install", "darkstar control install --to /config/packages"),
    )(control.install)
    command(group, "release", examples=("darkstar control release --site home",))(control.release)
    return group


def _notify() -> typer.Typer:
    """Return the group of commands on the ways in which a person is told."""
    group = group_of(notify_trial.PURPOSE)
    group.callback()(shared_options)
    command(group, "test", examples=("darkstar notify test", "darkstar notify test --channel email"))(
        notify_trial.trial
    )
    return group


def _models() -> typer.Typer:
    """Return the group of commands that list, promote and roll back model versions."""
    group = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
    default_command(group, examples=("darkstar models", "darkstar models --json"))(models.models)
    command(
        group,
        "promote",
        examples=("darkstar models promote 3", "darkstar models promote 3 --force --why 'tested by hand'"),
    )(models.promote)
    command(group, "rollback", examples=("darkstar models rollback", "darkstar models rollback --model aurora"))(
        models.rollback
    )
    return group


def _add_learning_commands(app: typer.Typer) -> None:
    """Add the commands that train models."""
    command(
        app,
        "train",
        examples=(
            "darkstar train aurora",
            "darkstar train prices",
            "darkstar train rl --from 2025-10-01 --to 2026-05-31",
            "darkstar train lightgbm --set rounds=5 --set trees=120",
        ),
    )(train.train)
    command(app, "retrain", examples=("darkstar retrain", "darkstar retrain --force --why 'new meter'"))(train.retrain)


def _add_maintenance_commands(app: typer.Typer) -> None:
    """Add the commands that query, show, back up, clean and check a state folder."""
    command(
        app,
        "query",
        examples=(
            'darkstar query "SHOW TABLES"',
            'darkstar query "SELECT day, cost FROM policy_daily_results"',
            'darkstar query "FROM spot_prices WHERE repaired" --out repaired.csv',
        ),
    )(query.query)
    command(app, "ui", examples=("darkstar ui", "darkstar ui --dagster-port 3100 --planner-port 8500"))(ui.ui)
    command(app, "backup", examples=("darkstar backup darkstar.tar.zst",))(maintenance.backup)
    command(app, "restore", examples=("darkstar restore darkstar.tar.zst", "darkstar restore old.tar.gz --force"))(
        maintenance.restore
    )
    command(app, "clean", examples=("darkstar clean --dry-run", "darkstar clean --json"))(maintenance.clean)
    command(
        app,
        "doctor",
        examples=(
            "darkstar doctor",
            "darkstar doctor --data",
            "darkstar doctor --data --from 2026-01-01 --to 2026-01-31 --out january.png",
        ),
    )(maintenance.doctor)


if __name__ == "__main__":
    main()
