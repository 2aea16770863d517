"""`darkstar fleet evaluate`: costs and captured share of all homes, and the worst of them by name."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.arguments import FirstDay, LastDay, check_range
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.console.progress import progress_bar
from darkstar_pipeline.errors import DataMissingError, ExitCode

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

_SUMS = {
    "policy": "policy",
    "homes": "homes",
    "home_days": "home-days",
    "cost": "cost",
    "idle_cost": "idle",
    "oracle_cost": "hindsight",
    "share": "share",
}

_DAMAGED_SHOWN = 5


def evaluate(
    call: Call,
    *,
    first: FirstDay,
    last: LastDay,
    worst: Annotated[
        int, typer.Option("--worst", min=0, max=10_000, help="Worst homes to name, by policy and currency.")
    ] = 5,
) -> Document:
    """Show what policies cost all homes, by area and tariff too, and which homes miss most.

    Read from stored results, bucket by bucket. A day counts where the home has results of all its policies and of
    hindsight, of its present settings. `cost` includes battery wear and the value of the energy left; demand charges
    are of months and not in it. With `--site` it is one home's. Where an object is damaged, its bucket is left out and
    the command ends with 3.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.evaluation.fleet_verdict import fleet_verdict
    from darkstar_pipeline.fleet.homes_file import fleet_of, home_of_fleet, open_homes
    from darkstar_pipeline.fleet.lake import fleet_lake
    from darkstar_pipeline.warehouse.lake import REPAIR, LakeUnreadableError

    check_range(first, last)
    settings, state = load_settings(), home_dir()
    homes, lake = open_homes(settings, state), fleet_lake(fleet_of(settings), state)
    if call.site is not None:
        home_of_fleet(settings, state, call.site)
        homes = homes.only([call.site])
    with progress_bar(call, "buckets") as progress:
        verdict = fleet_verdict(homes, lake, first, last, most_worst=worst, progress=progress)
    for bucket, problem in list(verdict.damaged.items())[:_DAMAGED_SHOWN]:
        call.note(f"the homes of bucket {bucket} are left out: {problem}")
    if verdict.damaged:
        call.note(f"{len(verdict.damaged)} of {lake.buckets} buckets are left out: `{REPAIR}`, then backfill")
    if not verdict.homes:
        whose, only = (
            ("no home of the fleet has", "") if call.site is None else (f"{call.site} has no", f" --site {call.site}")
        )
        message, again = (
            f"{whose} results from {first} to {last}",
            f"darkstar fleet backfill --from {first} --to {last}",
        )
        if verdict.damaged:
            message += f" that can be read: {next(iter(verdict.damaged.values()))}"
            remedy = f"`{REPAIR}` sets aside what is damaged; then run `{again}{only}`"
            raise LakeUnreadableError(message, remedy)
        raise DataMissingError(message, f"run `{again}{only}`")
    if verdict.without:
        call.note(f"homes without results in these days: {verdict.without}")
    frames = {name: getattr(verdict, name) for name in ("totals", "by_area", "by_tariff", "distribution", "worst")}
    document: dict[str, Any] = {
        "homes": verdict.homes,
        "without_results": verdict.without,
        "damaged": dict(verdict.damaged),
    }
    document |= {name: frame.to_dicts() for name, frame in frames.items()}
    code = ExitCode.DATA if verdict.damaged else ExitCode.DONE
    return Document(document, lambda out: _draw(out, frames), exit_code=code)


def _draw(out: "Console", frames: "dict[str, pl.DataFrame]") -> None:
    """Print totals, areas, tariffs, the homes' distribution and the worst of them."""
    for name, kind in (("totals", ""), ("by_area", "area"), ("by_tariff", "tariff")):
        for row in frames[name].select([*([kind] if kind else []), "currency"]).unique(maintain_order=True).to_dicts():
            own = [each for each in frames[name].to_dicts() if all(each[key] == value for key, value in row.items())]
            out.print(f"{kind} {row.get(kind, 'all homes')} [{row['currency']}]".strip(), markup=False)
            draw_table(out, [{**each, "share": _percent(each["captured_share"])} for each in own], _SUMS)
            out.print()
    out.print("captured share of the homes", markup=False)
    spread = [
        {**row, **{name: _percent(row[name]) for name in row if name[1:].isdigit()}}
        for row in frames["distribution"].to_dicts()
    ]
    heads = {name: name for name in frames["distribution"].columns if name != "policy"}
    draw_table(out, spread, {"policy": "policy", **heads})
    if frames["worst"].height:
        out.print("\nhomes that miss most of what hindsight would have saved", markup=False)
        shown = [{**row, "missed": f"{row['missed']:.2f} {row['currency']}"} for row in frames["worst"].to_dicts()]
        draw_table(
            out, shown, {"site": "home", "policy": "policy", "days": "days", "missed": "missed a day", "reason": "why"}
        )


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.0f} %"
