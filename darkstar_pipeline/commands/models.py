"""`darkstar models`: list a site's model versions with their evidence; promote one, roll back."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.failures import UsageError
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.user import user_name
from planner.policy_names import FALLBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from darkstar_pipeline.context import Context
    from darkstar_pipeline.models.promotion import PromotionResult
    from darkstar_pipeline.models.registry import ModelVersionRecord


class FamilyName(StrEnum):
    """The registered models of a site."""

    ANTARES = "antares"
    AURORA = "aurora"
    PRICES = "prices"
    REGRESSORS = "regressors"


FamilyOption = Annotated[
    FamilyName,
    typer.Option("--model", metavar="NAME", help="Kind of model: antares (policies), aurora, prices or regressors."),
]
WhyOption = Annotated[
    str | None, typer.Option("--why", metavar="TEXT", help="The reason; it is kept in `model_promotions`.")
]


def models(call: Call) -> Document:
    """List trained versions with their evidence, or move the champion.

    The newest version comes first, with its training window, its result on test days, and whether it is in use.
    """
    from darkstar_pipeline.models.champion_pointer import champion_version
    from darkstar_pipeline.models.promotion import finish
    from darkstar_pipeline.models.registry import list_versions
    from darkstar_pipeline.models.version import FAMILIES, RegisteredModel, reference

    context = call.context()
    names = [RegisteredModel.of(context, family).name for family in FAMILIES]
    unfinished = [name for name in names if not finish(context, name)]
    for name in unfinished:
        call.note(f"MLflow did not set the alias of {name}; the next `darkstar models` tries again")
    champion = champion_version(context)
    in_use = FALLBACK if champion is None else reference(names[0], champion)
    rows = [{**_row(record), **_weather(context, record)} for name in names for record in list_versions(context, name)]
    document = {"site": context.site_name, "champion": in_use, "versions": rows}
    return Document(document, lambda out: _draw(out, document, context.timezone))


def promote(
    call: Call,
    *,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A number, or models:/NAME/VERSION.")],
    model: FamilyOption = FamilyName.ANTARES,
    force: Annotated[bool, typer.Option("--force", help="Promote in spite of its evidence; needs --why.")] = False,
    why: WhyOption = None,
) -> Document:
    """Promote a version: put it into use.

    A version that a retrain evaluated and did not promote needs --force and a reason. A version without evidence, as
    `darkstar train` makes it, is promoted on your judgement; the record says that there was no evidence.
    """
    from darkstar_pipeline.models.promotion import promote_registered

    if force and not (why and why.strip()):
        raise UsageError("--force needs a reason", "give it with --why TEXT; it is kept in `model_promotions`")
    context = call.context()
    name, number = _parse_version(version, model, context.site_name)
    unevaluated = (
        f"version {number} was never evaluated on held-out days; `darkstar compare` or `darkstar retrain` does that"
    )
    done = promote_registered(
        context,
        number,
        actor=user_name(),
        reason=why,
        force=force,
        name=name,
        on_unevaluated=lambda: call.note(unevaluated),
    )
    return _result(call, done)


def rollback(call: Call, *, model: FamilyOption = FamilyName.ANTARES, why: WhyOption = None) -> Document:
    """Put the previous version back into use, byte for byte.

    Where there is no previous version, the policy `value` decides again.
    """
    from darkstar_pipeline.models.promotion import rollback as move
    from darkstar_pipeline.models.version import RegisteredModel

    context = call.context()
    name = RegisteredModel.of(context, model.value).name
    reason = why if why is not None else "no reason was given"
    return _result(call, move(context, actor=user_name(), reason=reason, name=name))


def _parse_version(text: str, model: FamilyName, site: str) -> tuple[str, int]:
    """Return the registered name and number of a version.

    Raises:
        ConfigurationError: it is neither a number nor a reference.
    """
    from darkstar_pipeline.models.version import parse_reference, registered_name

    if text.isascii() and text.isdigit():
        return registered_name(site, model.value), int(text)
    return parse_reference(text)


def _row(record: "ModelVersionRecord") -> dict[str, Any]:
    """Return a version by its JSON keys."""
    figures = ("captured_share", "cost_vs_mpc", "cost_vs_mpc_low", "cost_vs_mpc_high", "cost_vs_mpc_pct", "breaches")
    return {
        "model": record.model,
        "version": record.version,
        "kind": record.kind,
        "algorithm": record.algorithm,
        "aliases": list(record.aliases),
        "created": record.created,
        "window": record.window,
        **{name: record.figures.get(name) for name in figures},
        "evidence": record.evidence,
        "identity": record.identity,
        "run_id": record.run_id,
        "run_url": record.url,
    }


def _weather(context: "Context", record: "ModelVersionRecord") -> dict[str, str | None]:
    """Return what weather a version of Aurora learned from; nothing of other models."""
    from darkstar_pipeline.models.learned_weather import learned_weather
    from darkstar_pipeline.models.version import registered_name

    is_aurora = record.model == registered_name(context.site_name, FamilyName.AURORA.value)
    return {"weather": learned_weather(context, record.version)} if is_aurora else {}


def _draw(out: "Console", document: "Mapping[str, Any]", timezone: str) -> None:
    """Print the versions and the champion."""
    from darkstar_pipeline.models.promotion import evidence_reasons

    columns = {
        "model": "model",
        "version": "version",
        "kind": "kind",
        "alias": "alias",
        "created": "registered",
        "window": "trained on",
        "share": "captured share",
        "cost_vs_mpc": "against MPC",
        "reasons": "evidence",
    }
    rows = [
        {
            **row,
            "alias": ", ".join(row["aliases"]) or None,
            "share": None if row["captured_share"] is None else f"{100 * row['captured_share']:.1f} %",
            "reasons": evidence_reasons(row["evidence"]) or None,
        }
        for row in document["versions"]
    ]
    if rows:
        draw_table(out, rows, columns, timezone=timezone)
    else:
        out.print(f"site {document['site']} has no trained model yet: run `darkstar train`", markup=False)
    for row in rows:
        if row.get("weather"):
            out.print(f"{row['model']} {row['version']} learned from weather: {row['weather']}", markup=False)
    out.print(f"champion: {document['champion']}", markup=False)


def _result(call: Call, move: "PromotionResult") -> Document:
    """Return the result of a promotion or a rollback as the answer."""
    if not move.alias_moved:
        call.note("MLflow's alias follows in the background; `darkstar doctor` says whether it still lags")
    document = {
        "model": move.model,
        "action": move.action,
        "version": move.version,
        "previous": move.previous,
        "changed": move.changed,
        "alias_moved": move.alias_moved,
    }
    now = "no version is in use" if move.version is None else f"version {move.version} is in use"
    if move.version is None and move.model.startswith(f"{FamilyName.ANTARES}-"):
        now = f"{now}, so {FALLBACK} decides"
    before = "none" if move.previous is None else f"version {move.previous}"
    line = f"{move.model}: {now}" + (f"; before: {before}" if move.changed else " already")
    return Document(document, lambda out: out.print(line, markup=False))
