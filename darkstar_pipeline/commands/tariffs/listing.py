"""`darkstar tariffs list`: the taxes and grid tariffs of the catalogue, with their days and sources."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table

if TYPE_CHECKING:
    from rich.console import Console

    from darkstar_pipeline.config.tariffs.catalogue import GridCompany, GridTariff

_COLUMNS = {
    "id": "--grid-company",
    "name": "company",
    "areas": "areas",
    "valid_from": "from",
    "valid_until": "known until",
    "transfer_fee": "transfer fee",
    "power": "power",
}
_TAXES = {"valid_from": "from", "valid_until": "known until", "vat": "VAT", "energy_tax": "energy tax", "levy": "levy"}


def listing(
    call: Call,
    *,
    area: Annotated[str | None, typer.Option("--area", metavar="AREA", help="Price area; by default all.")] = None,
    sources: Annotated[bool, typer.Option("--sources", help="Also print where each value is from.")] = False,
) -> Document:
    """Show the taxes and grid tariffs of the catalogue, dated, before VAT.

    A new site takes them with `darkstar init --grid-company ID`. What could not be verified is not in the catalogue.
    """
    from darkstar_pipeline.config.countries import usual_area_name
    from darkstar_pipeline.config.tariffs.catalogue import catalogue, companies_in, tariffs_in

    part = None if area is None else tariffs_in(area)
    parts = list(catalogue()) if area is None else [part] if part is not None else []
    rows = [_row(company, tariff) for company in companies_in(area) for tariff in company.tariffs]
    taxes = [
        {"country": each.country, **tax.model_dump(mode="json")}
        for each in parts
        for tax in each.taxes
        if area is None or not tax.areas or usual_area_name(area) in tax.areas
    ]
    notes = {each.country: text for each in parts if (text := each.note_for(area))}
    for country, text in notes.items():
        call.note(f"{country}: {text}")
    document = {"taxes": taxes, "companies": rows, "notes": notes}

    def draw(out: "Console") -> None:
        if not parts:
            out.print(
                f"the catalogue has nothing for {area}: put the fees of your bill into darkstar.yaml", markup=False
            )
            return
        ones = [{**tax, "areas": ", ".join(tax["areas"]) or None} for tax in taxes]
        places = {"country": "country", "areas": "areas"} if area is None else {}
        draw_table(out, ones, {**places, **_TAXES}, digits=5)
        out.print()
        draw_table(out, rows, _COLUMNS, digits=5)
        _draw_sources(out, [*taxes, *rows] if sources else [])

    return Document(document, draw)


def _row(company: "GridCompany", tariff: "GridTariff") -> dict[str, Any]:
    """Return a grid tariff as a row."""
    return {
        "id": company.id,
        "name": company.name,
        "areas": ", ".join(company.areas),
        "for": company.customers,
        "valid_from": tariff.valid_from.isoformat(),
        "valid_until": None if tariff.valid_until is None else tariff.valid_until.isoformat(),
        "transfer_fee": tariff.transfer_fee,
        "time_of_use": [window.model_dump(mode="json") for window in tariff.time_of_use],
        "power": _power_words(tariff),
        "source": tariff.source,
    }


def _power_words(tariff: "GridTariff") -> str | None:
    """Return the demand charge in a few words; None where there is none."""
    words = [
        f"{len(each.tiers)} steps" if each.tiers else f"{each.price_per_kw:g}/kW, top {each.top}"
        for each in tariff.power
    ]
    return ", ".join(words) or None


def _draw_sources(out: "Console", rows: list[dict[str, Any]]) -> None:
    """Print where the values are from, each source once."""
    for text in dict.fromkeys(f"{row.get('id', row.get('country'))}: {row['source']}" for row in rows):
        out.print(text, markup=False)
