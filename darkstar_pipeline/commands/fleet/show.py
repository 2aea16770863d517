"""`darkstar fleet show`: the settings that one home has, where each came from, and what its readings were read as."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from darkstar_pipeline.fleet.origins import Effective
    from darkstar_pipeline.warehouse.buckets.bucket_lake import BucketLake

_COLUMNS = {"setting": "setting", "value": "value"}
_READ_AS = {"quantity": "quantity", "format": "read as", "unit": "unit", "source": "source", "first_slot": "from"}
_DAYS = 31
"""Days on which anything was noted of any home that are looked through for the home's own."""


def show(
    _call: Call,
    *,
    home: Annotated[str, typer.Argument(metavar="SITE", help="Name of the home.")],
    everything: Annotated[bool, typer.Option("--all", help="Also list what is built in.")] = False,
) -> Document:
    """Show the settings of a home, and whether each came from its row, a class, the defaults or its country."""
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.fleet.homes_file import home_of_fleet, open_homes
    from darkstar_pipeline.fleet.lake import fleet_lake
    from darkstar_pipeline.fleet.origins import BUILT_IN, effective_settings
    from darkstar_pipeline.warehouse.buckets.object_names import bucket_of

    settings, folder = load_settings(), home_dir()
    home_of_fleet(settings, folder, home)
    homes = open_homes(settings, folder)
    effective = effective_settings(homes.fleet, homes.row(home))
    shown = [each for each in effective if everything or each.origin != BUILT_IN]
    rows = [each._asdict() for each in shown]
    bucket, tenant = bucket_of(home, homes.fleet.buckets), homes.tenant(home)
    read_as = _last_read_as(fleet_lake(homes.fleet, folder), home)
    document = {"site": home, "tenant": tenant, "bucket": bucket, "settings": rows, "read_as": read_as}

    def draw(out: "Console") -> None:
        out.print(f"{home}: tenant {tenant}, bucket {bucket}", markup=False)
        for origin, own in _by_origin(shown).items():
            out.print(f"\nfrom {origin}", markup=False)
            draw_table(out, own, _COLUMNS)
        if not everything:
            out.print(f"{len(effective) - len(rows)} further settings are built in; --all lists them", markup=False)
        if not read_as:
            out.print(f"no readings of it were imported on the last {_DAYS} days that have any", markup=False)
            return
        draw_table(out, [{**row, "first_slot": f"{row['first_slot']:%Y-%m-%d %H:%MZ}"} for row in read_as], _READ_AS)

    return Document(document, draw)


def _last_read_as(lake: "BucketLake", home: str) -> list[dict[str, Any]]:
    """Return what the newest import of each quantity was read as, of the newest day that has any: a request a day."""
    from darkstar_pipeline.warehouse.schemas import IMPORT_PROVENANCE

    for day in reversed(lake.table_days(IMPORT_PROVENANCE)[-_DAYS:]):
        rows = lake.read_days(IMPORT_PROVENANCE, lake.bucket(home), [day], sites=[home])
        if rows.height:
            latest = rows.sort("imported_at", "first_slot").unique(["quantity", "sensor"], keep="last")
            return latest.sort("quantity", "sensor").drop("site", "local_day").to_dicts()
    return []


def _by_origin(settings: "Sequence[Effective]") -> dict[str, list[dict[str, str | None]]]:
    """Return the settings by the place that they came from; a cell of the row is of the column that ends its key."""
    found: dict[str, list[dict[str, str | None]]] = {}
    for each in settings:
        value = None if each.value is None else str(each.value)
        found.setdefault(each.origin.partition(", ")[0], []).append({"setting": each.setting, "value": value})
    return found
