"""`darkstar fleet models`: the classes of a fleet's homes, and the version that each has in use."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from planner.policy_names import FALLBACK
from planner.wording.counts import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from darkstar_pipeline.models.fleet.pointer import ClassModels, FleetPointer

ClassOption = Annotated[
    str | None, typer.Option("--class", metavar="CLASS", help="One class; `darkstar fleet models` lists them.")
]
NeededClass = Annotated[str, typer.Option("--class", metavar="CLASS", help="The class; see `darkstar fleet models`.")]
_COLUMNS = {"class": "class", "homes": "homes", "in_use": "in use", "canary": "canary", "newest": "newest"}
_MOVES = {
    "at": "when (UTC)",
    "action": "action",
    "version": "version",
    "share": "homes",
    "actor": "who",
    "reason": "why",
}


def models(_call: Call, *, class_name: ClassOption = None) -> Document:
    """List the classes of homes with the version in use, the canary and the newest version; with --class its moves.

    Homes of one class share currency, tariff, panels and form of battery. A home with a champion of its own runs that.
    Homes with a demand charge are planned by `value`, which sees it: their classes have no model.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.learning.fleet.class_homes import Fleet
    from darkstar_pipeline.models.fleet.classes import homes_by_class, pays_for_power
    from darkstar_pipeline.models.fleet.store import fleet_models

    fleet = Fleet(load_settings(), home_dir())
    found = fleet_models(fleet.settings, fleet.home)
    pointer, homes = found.pointer(), homes_by_class(fleet.homes())
    names, settings = sorted({*homes, *pointer.classes}), fleet.homes()
    charged = {name for name, sites in homes.items() if pays_for_power(settings[sites[0]])}
    if class_name is not None:
        names = [checked_class(class_name, names)]
    rows = [{**_row(fleet, name, homes.get(name, ()), pointer), "demand_charge": name in charged} for name in names]
    moves = [] if class_name is None else [each.model_dump(mode="json") for each in found.journal(class_name)]
    document = {"classes": rows, "own_champions": len(pointer.own), "moves": moves}
    return Document(document, lambda out: _draw(out, rows, moves, len(pointer.own)))


def checked_class(name: str, known: "Sequence[str]") -> str:
    """Return the name of a class that there is.

    Raises:
        ConfigurationError: there is none of that name.
    """
    from darkstar_pipeline.errors import ConfigurationError

    if name not in known:
        raise ConfigurationError(f"the fleet has no class {name!r}", f"its classes: {', '.join(known) or 'none'}")
    return name


def _row(fleet: Any, name: str, sites: "Sequence[str]", pointer: "FleetPointer") -> dict[str, Any]:  # noqa: ANN401
    """Return a class by its JSON keys."""
    from darkstar_pipeline.models.fleet.classes import PREFIX
    from darkstar_pipeline.models.fleet.resolution import is_drawn
    from darkstar_pipeline.models.registry import kept_evidence
    from darkstar_pipeline.models.version import RegisteredModel

    own = pointer.of(name)
    model = RegisteredModel(fleet.home, f"{PREFIX}{name}")
    newest = max(model.versions(), default=None)
    evidence = None if newest is None else kept_evidence(model, newest)
    canary = None
    if own.canary is not None:
        ref, share = own.canary.ref, own.canary.share
        drawn = sum(is_drawn(site, name, ref.version, share) for site in sites if site not in pointer.own)
        canary = {"version": ref.version, "share": share, "since": own.canary.since, "homes": drawn}
    return {
        "class": name,
        "homes": len(sites),
        "model": model.name,
        "champion": None if own.champion is None else own.champion.version,
        "previous": [None if each is None else each.version for each in own.previous],
        "canary": canary,
        "newest": newest,
        "evidence": evidence,
    }


def in_use(own: "ClassModels") -> str:
    """Return what plans for the homes of a class outside its canary, in words."""
    return FALLBACK if own.champion is None else f"version {own.champion.version}"


def _draw(
    out: "Console", rows: "Sequence[Mapping[str, Any]]", moves: "Sequence[Mapping[str, Any]]", n_own: int
) -> None:
    """Print the classes, or one with its moves."""
    from darkstar_pipeline.models.promotion import evidence_reasons

    shown = [
        {
            **row,
            "in_use": _in_use_text(row),
            "canary": _canary_text(row["canary"]),
            "newest": _newest_text(row),
        }
        for row in rows
    ]
    if not shown:
        out.print("the fleet has no homes: run `darkstar fleet import FILE`", markup=False)
        return
    draw_table(out, shown, _COLUMNS)
    if n_own:
        out.print(f"homes with a champion of their own: {n_own}", markup=False)
    if moves:
        shown = [{**move, "at": move["at"][:16], "share": f"{move['share']:.0%}"} for move in moves]
        draw_table(out, shown, _MOVES)
    if len(rows) == 1 and (reasons := evidence_reasons(rows[0]["evidence"])):
        out.print(f"version {rows[0]['newest']}: {reasons}", markup=False)


def _in_use_text(row: "Mapping[str, Any]") -> str:
    """Return what plans for the homes outside the canary; no learned policy sees a demand charge."""
    if row["demand_charge"]:
        return f"{FALLBACK} (demand charge)"
    return FALLBACK if row["champion"] is None else str(row["champion"])


def _canary_text(canary: "Mapping[str, Any] | None") -> str | None:
    if canary is None:
        return None
    return f"{canary['version']} in {counted(canary['homes'], 'home')}"


def _newest_text(row: "Mapping[str, Any]") -> str | None:
    if row["newest"] is None:
        return None
    evidence = row["evidence"]
    judged = "not judged" if evidence is None else ("passed" if evidence.get("promote") is True else "refused")
    return f"{row['newest']}, {judged}"
