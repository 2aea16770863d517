"""`darkstar tariffs use`: write the catalogue's dated taxes and fees into the site that is there."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.console.relative_days import today_in

if TYPE_CHECKING:
    from rich.console import Console


def use(
    call: Call,
    *,
    company: Annotated[
        str, typer.Argument(metavar="ID", help="Grid company of `darkstar tariffs list`; none: taxes alone.")
    ],
) -> Document:
    """Replace a site's tariff in darkstar.yaml by the catalogue's dated taxes and fees.

    What is of your contract for energy stays: export_share, export_fee, settlement_minutes, monthly_mean; with none, so
    do the fees of the grid. Comments inside the old tariff are lost. Nothing else in the file changes.
    """
    from darkstar_pipeline.commands.setup.connection import note_tariff
    from darkstar_pipeline.config.settings import config_path, load_settings
    from darkstar_pipeline.config.tariffs.adoption import adopted_tariff
    from darkstar_pipeline.config.tariffs.catalogue import NO_COMPANY, find_company
    from darkstar_pipeline.config.writer import set_tariff
    from darkstar_pipeline.errors import ConfigurationError

    path = config_path()
    settings = load_settings(path)
    name = settings.site_name(call.site)
    site = settings.sites[name]
    chosen = find_company(site.area, company)
    tariff = adopted_tariff(site, chosen, today_in(site.timezone))
    if not tariff:
        message = f"the catalogue has no taxes for {site.area}"
        raise ConfigurationError(message, "put the fees of your bill into darkstar.yaml (docs/tariffs.md)")
    site = set_tariff(path, name, tariff).sites[name]
    note_tariff(call, site)
    document: dict[str, Any] = {
        "site": name,
        "path": str(path),
        "grid_company": NO_COMPANY if chosen is None else chosen.id,
        "versions": [
            version.model_dump(mode="json", include={"valid_from", "valid_until", "transfer_fee", "energy_tax"})
            for version in site.tariff
        ],
    }
    begins = f"{len(tariff)} dated versions, the last from {tariff[-1].valid_from} on"

    def draw(out: "Console") -> None:
        out.print(f"{path}: tariff of {name} written: {begins}", markup=False)

    return Document(document, draw)
