"""`darkstar train`: forecasts and policies learned from a site's history, registered as versions."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.commands.evaluate import draw_verdict
from darkstar_pipeline.console.arguments import check_range, parse_day
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.progress import progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.context import Context


class Kind(StrEnum):
    """What can be trained."""

    aurora = "aurora"
    lightgbm = "lightgbm"
    rl = "rl"
    regressors = "regressors"


FirstTrained = Annotated[
    date | None, typer.Option("--from", parser=parse_day, metavar="DAY", help="First local day; by default the first.")
]
LastTrained = Annotated[
    date | None, typer.Option("--to", parser=parse_day, metavar="DAY", help="Last local day; by default the last.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the algorithm; may be repeated.")
]


def train(
    call: Call,
    kind: Annotated[Kind, typer.Argument(help="What is trained.")],
    *,
    first: FirstTrained = None,
    last: LastTrained = None,
    changes: Changes = None,
) -> Document:
    """Train on the usable days of a range, log an MLflow run, and register a version.

    The last fourth of the days, at most five weeks, is not learned from: what is kept is chosen on it, and the figures
    are of it. A policy comes into use by `darkstar models promote` or `darkstar retrain`; Aurora at once, where it errs
    less than the mean of seven days. The same days and seed give the same version; a killed training of `rl` goes on.
    """
    if first is not None and last is not None:
        check_range(first, last)
    asked, context = parse_changes(changes or ()), call.context()
    if kind is Kind.aurora:
        return _aurora(context, first, last, asked)
    return _policy(call, context, kind.value, (first, last), asked)


def parse_changes(words: Sequence[str]) -> dict[str, Any]:
    """Settings from `KEY=VALUE`, the values as YAML.

    Raises:
        UsageError: a word is written otherwise.
    """
    import yaml  # a tenth of the time that `--help` may take

    found: dict[str, Any] = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"--set {word!r} is no KEY=VALUE", "write it as --set rounds=10")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UsageError(f"--set {word!r}: the value cannot be read", "write it as in darkstar.yaml") from error
    return found


def _policy(
    call: Call, context: "Context", kind: str, days: tuple[date | None, date | None], changes: dict[str, Any]
) -> Document:
    """Train one kind of policy with a progress bar where somebody watches."""
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
        draw_verdict(out, trained.totals, context.site_settings.currency)

    return Document(document, draw)


def _aurora(context: "Context", first: date | None, last: date | None, changes: dict[str, Any]) -> Document:
    """Train the forecaster."""
    from darkstar_pipeline.errors import DataMissingError
    from darkstar_pipeline.forecasts.registration import train_and_register
    from darkstar_pipeline.learning.dataset import usable_days
    from darkstar_pipeline.models.registry import find_version
    from darkstar_pipeline.models.version import registered_name

    seed = _seed_of_aurora(changes)
    days = usable_days(context, first, last)
    if not days:
        raise DataMissingError("no day of the range is usable", "`darkstar quality` says why days are refused")
    made = train_and_register(context, first or days[0], last or days[-1], seed=seed)
    model = registered_name(context.site_name, "aurora")
    record = find_version(context, model, made.version)
    metrics = {name: value for name, value in made.trained.metrics.items() if value is not None}
    document: dict[str, Any] = {
        "model": model,
        "version": made.version,
        "kind": "aurora",
        "run_id": record.run_id,
        "url": record.url,
        "identity": record.identity,
        "promoted": made.promoted,
        "reasons": made.verdict["reasons"],
        "train_days": made.trained.days,
        "notes": list(made.trained.notes),
        "metrics": metrics,
    }

    def draw(out: "Console") -> None:
        use = "in use" if made.promoted else "not in use"
        out.print(f"{model} version {made.version}, run {record.run_id}, {use}", markup=False)
        for line in (*made.verdict["reasons"], *made.trained.notes):
            out.print(f"  {line}", markup=False)
        for name, value in sorted(metrics.items()):
            out.print(f"  {name:28} {value:8.4f}", markup=False)

    return Document(document, draw)


def _seed_of_aurora(changes: Mapping[str, Any]) -> int:
    """The one setting that may be given by word.

    Raises:
        UsageError: another one, or no whole number from 0 on.
    """
    if unknown := sorted(set(changes) - {"seed"}):
        raise UsageError(f"aurora has no setting {unknown[0]!r}", "it has: seed; the rest is in darkstar.yaml")
    seed = changes.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"--set seed: {seed!r} is no seed", "it is a whole number from 0 on")
    return seed
