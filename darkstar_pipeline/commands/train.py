"""`darkstar train` and `darkstar retrain`: learn forecasts and policies from a site's history."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import draw_verdict
from darkstar_pipeline.console.arguments import check_range, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.learning.retrain import RetrainReport


class Kind(StrEnum):
    """A kind of model that can be trained."""

    aurora = "aurora"
    prices = "prices"
    lightgbm = "lightgbm"
    rl = "rl"
    regressors = "regressors"


FirstTrained = Annotated[
    date | None,
    typer.Option(
        "--from", parser=parse_day, metavar="DAY", help="First local day (inclusive); default: the first usable one."
    ),
]
LastTrained = Annotated[
    date | None,
    typer.Option(
        "--to", parser=parse_day, metavar="DAY", help="Last local day (inclusive); default: the last usable one."
    ),
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the algorithm; may be repeated.")
]


def train(
    call: Call,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="Kind of model to train.")],
    *,
    first: FirstTrained = None,
    last: LastTrained = None,
    changes: Changes = None,
) -> Document:
    """Train a model on usable days and register it as a version.

    The last quarter of the days, at most five weeks, is the validation window: models are selected on it and the
    printed metrics are of it. An MLflow run records the training. A policy is put into use by `darkstar models
    promote` or `darkstar retrain`; Aurora at once, where its error is below that of the mean of seven days; `prices`,
    the forecast of the next day's prices, at once, for the month of --to (default: today) from the days before it. The
    same days and seed give the same version; an interrupted `rl` goes on.
    """
    if first is not None and last is not None:
        check_range(first, last)
    options, context = parse_changes(changes or ()), call.context()
    if kind is Kind.aurora:
        return _aurora(context, first, last, options)
    if kind is Kind.prices:
        if first is not None or options:
            raise UsageError("prices are fitted on all days before a month", "give --to alone, a day of that month")
        return _prices(context, last)
    return _policy(call, context, kind.value, (first, last), options)


def parse_changes(words: Sequence[str], example: str = "rounds=10") -> dict[str, Any]:
    """Return settings by name from `KEY=VALUE`, the values as YAML; `example` is shown where one is written otherwise.

    Raises:
        UsageError: a word is written otherwise.
    """
    import yaml  # a tenth of the time that `--help` may take

    from darkstar_pipeline.config.yaml_file.document import read_yaml

    changes: dict[str, Any] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"--set {word!r} is not KEY=VALUE", f"write it as --set {example}")
        try:
            changes[key.strip()] = read_yaml(value).values
        except yaml.YAMLError as error:
            raise UsageError(f"--set {word!r}: the value cannot be read", "write it as in darkstar.yaml") from error
    return changes


def _policy(
    call: Call, context: "Context", kind: str, days: tuple[date | None, date | None], changes: dict[str, Any]
) -> Document:
    """Train one kind of policy, with a progress bar on a terminal."""
    from darkstar_pipeline.learning.training import TrainingOptions, train_range
    from darkstar_pipeline.models.registry import find_version
    from darkstar_pipeline.models.version import family_of, reference, registered_name

    with progress_bar(call, f"training {kind}") as progress:
        trained = train_range(context, kind, *days, TrainingOptions(changes=changes, progress=progress, note=call.note))
    model = registered_name(context.site_name, family_of(kind))
    record = find_version(context, model, trained.version)
    document: dict[str, Any] = {
        "model": model,
        "version": trained.version,
        "policy": reference(model, trained.version),
        "kind": kind,
        "run_id": record.run_id,
        "url": record.url,
        "identity": record.identity,
        "beliefs": trained.beliefs,
        "train_days": len(trained.windows.train),
        "train": [trained.windows.train[0], trained.windows.train[-1]],
        "validation": [trained.windows.validation[0], trained.windows.validation[-1]],
        "metrics": dict(trained.metrics),
    }

    def draw(out: "Console") -> None:
        out.print(f"{model} version {trained.version}, run {record.run_id}; on its validation days:", markup=False)
        draw_verdict(out, trained.totals, context.site_settings.currency, trained.verdict.months)

    return Document(document, draw)


def _aurora(context: "Context", first: date | None, last: date | None, changes: dict[str, Any]) -> Document:
    """Train Aurora."""
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.forecasts.registration import train_and_register
    from darkstar_pipeline.learning.dataset import usable_days
    from darkstar_pipeline.models.registry import find_version
    from darkstar_pipeline.models.version import registered_name

    seed = _seed_of_aurora(changes)
    days = usable_days(context, first, last)
    if not days:
        raise DataMissingError("no day of the range is usable", "`darkstar quality` says why days are refused")
    version = train_and_register(context, first or days[0], last or days[-1], seed=seed)
    model = registered_name(context.site_name, "aurora")
    record = find_version(context, model, version.version)
    metrics = {name: value for name, value in version.trained.metrics.items() if value is not None}
    document: dict[str, Any] = {
        "model": model,
        "version": version.version,
        "kind": "aurora",
        "run_id": record.run_id,
        "url": record.url,
        "identity": record.identity,
        "promoted": version.promoted,
        "reasons": version.verdict["reasons"],
        "train_days": version.trained.days,
        "notes": list(version.trained.notes),
        "metrics": metrics,
    }

    def draw(out: "Console") -> None:
        use = "in use" if version.promoted else "not in use"
        out.print(f"{model} version {version.version}, run {record.run_id}, {use}", markup=False)
        for line in (*version.verdict["reasons"], *version.trained.notes):
            out.print(f"  {line}", markup=False)
        for name, value in sorted(metrics.items()):
            out.print(f"  {name:28} {value:8.4f}", markup=False)

    return Document(document, draw)


def _prices(context: "Context", day: date | None) -> Document:
    """Fit the forecast of the next day's prices for a month."""
    from darkstar_pipeline.forecasts.price_versions import fit_and_register
    from darkstar_pipeline.models.registry import find_version
    from darkstar_pipeline.models.version import registered_name
    from env.time_grid import zone

    done = fit_and_register(context, day if day is not None else datetime.now(zone(context.timezone)).date())
    model, summary = registered_name(context.site_name, "prices"), done.summary
    record = find_version(context, model, done.version)
    document: dict[str, Any] = {
        "model": model,
        "version": done.version,
        "kind": "prices",
        "run_id": record.run_id,
        "url": record.url,
        "identity": record.identity,
        "promoted": True,
        "month": f"{summary.month:%Y-%m}",
        "train": [summary.first_day, summary.last_day],
        "metrics": dict(summary.metrics),
    }

    def draw(out: "Console") -> None:
        out.print(f"{model} version {done.version}, run {record.run_id}, in use for {document['month']}", markup=False)
        out.print(f"  learned from prices of {summary.first_day} to {summary.last_day}", markup=False)
        for name, value in sorted(summary.metrics.items()):
            out.print(f"  {name:28} {value:8.4f}", markup=False)

    return Document(document, draw)


def _seed_of_aurora(changes: Mapping[str, Any]) -> int:
    """Return the seed, the only setting that Aurora takes on the command line.

    Raises:
        UsageError: another setting, or not a whole number of at least 0.
    """
    if unknown := sorted(set(changes) - {"seed"}):
        raise UsageError(
            f"aurora has no setting {unknown[0]!r}", "its only one is seed; the others are in darkstar.yaml"
        )
    seed = changes.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"--set seed: {seed!r} is not a seed", "give a whole number of at least 0")
    return seed


def retrain(
    call: Call,
    *,
    at: Annotated[
        date | None,
        typer.Option("--at", parser=parse_day, metavar="DAY", help="Use data before this day only; default: today."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train again what was trained on the same data.")] = False,
    why: Annotated[str | None, typer.Option("--why", metavar="TEXT", help="With --force: the reason, kept.")] = None,
) -> Document:
    """Train as of a day; promote the best version if evidence allows.

    The last days are held out for validation and test. A champion is replaced by a version that is cheaper with 95 %
    confidence and has no breach. The first version of a site replaces `value` where it is cheaper on validation days
    and not more expensive on test days. Repeating a retrain changes nothing unless forced; an interrupted one resumes.
    Afterwards it is worked out for the planner's page what the last 60 days miss to perfect hindsight.
    """
    from env.time_grid import zone

    if why is not None and not force:
        raise UsageError("--why is the reason of --force", "add --force, or leave --why out")
    forced = (why or "by hand") if force else None
    context = call.context()
    day = at if at is not None else datetime.now(zone(context.timezone)).date()
    with progress_bar(call, "training") as progress:
        from darkstar_pipeline.learning.retrain import as_document
        from darkstar_pipeline.learning.retrain import retrain as run_retrain
        from darkstar_pipeline.learning.training import TrainingOptions

        report = run_retrain(context, day, TrainingOptions(progress=progress, note=call.note), forced=forced)
    if report.status == "too_little":
        call.note("; ".join(report.warnings))
    _store_missing_money(call, context, day)
    return Document(dict(as_document(report)), lambda out: _draw_report(out, report))


def _store_missing_money(call: Call, context: "Context", day: date) -> None:
    """Work out for the page what is missing to perfect hindsight, where a day is usable."""
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.evaluation.stored_missing_money import store_missing_money

    try:
        store_missing_money(context, day)
    except DataMissingError as error:
        call.note(f"what is missing to perfect hindsight was not worked out: {error}")


def _draw_report(out: "Console", report: "RetrainReport") -> None:
    """Print the report."""
    out.print(f"site {report.site} as of {report.at}: {report.status}; {report.champion} decides", markup=False)
    if report.forced is not None:
        out.print(f"  forced: {report.forced}", markup=False)
    for warning in report.warnings:
        out.print(f"  warning: {warning}", markup=False)
    for name, (first, last, n_days) in report.windows.items():
        out.print(f"  {name:11} {first} to {last}, {n_days} days", markup=False)
    rows = [{"kind": kind, **step.model_dump()} for kind, step in report.trained.items()]
    if rows:
        columns = {
            "kind": "policy",
            "version": "version",
            "beliefs": "beliefs",
            "saved_on_validation": "saved against value",
        }
        draw_table(out, rows, columns)
    for reason in report.evidence.get("reasons", ()):
        out.print(f"  {reason}", markup=False)
    for row in report.drift:
        if row["drifted"]:
            out.print(f"  drift: {row['figure']} {row['learned_mean']:.3f} -> {row['recent_mean']:.3f}", markup=False)
