"""The tariff of a site that is there already, renewed from the catalogue; what is the home's own contract stays."""

from datetime import date

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.config.tariff import TariffSettings
from darkstar_pipeline.config.tariffs.catalogue import GridCompany
from darkstar_pipeline.config.tariffs.dated_versions import tariff_versions

_CONTRACT = ("export_share", "export_fee", "settlement_minutes", "monthly_mean")
"""Settings of the contract for energy, of which the catalogue knows nothing."""
_OF_TAXES = ("vat", "energy_tax", "export_bonus", "valid_until", "source")


def adopted_tariff(site: SiteSettings, company: GridCompany | None, today: date) -> tuple[TariffSettings, ...]:
    """Return a site's tariff with the dated values of the catalogue.

    Args:
        site: the site as it is.
        company: its grid company; None renews taxes and feed-in pay and leaves the fees of the grid as they are.
        today: local day, whose contract for energy is kept.

    Returns:
        Its versions; empty where the catalogue has nothing for the area.
    """
    found = tariff_versions(site.area, company, has_pv=site.has_pv)
    if company is None:
        return _with_taxes(site.tariff, found)
    contract = {name: getattr(_in_force(site.tariff, today), name) for name in _CONTRACT}
    return tuple(version.model_copy(update=contract) for version in found)


def _with_taxes(own: tuple[TariffSettings, ...], taxes: tuple[TariffSettings, ...]) -> tuple[TariffSettings, ...]:
    """Return the site's own versions with the catalogue's taxes; one begins wherever either does."""
    if not taxes:
        return ()
    versions: list[TariffSettings] = []
    for start in sorted({version.valid_from for version in (*own, *taxes)}):
        fees, tax = _in_force(own, start), _in_force(taxes, start)
        renewed = {name: getattr(tax, name) for name in _OF_TAXES}
        unknown = tuple(name for name in ("transfer_fee", "energy_tax") if name in _unknown(fees, tax))
        versions.append(fees.model_copy(update={"valid_from": start, "unknown": unknown, **renewed}))
    return tuple(versions)


def _unknown(fees: TariffSettings, tax: TariffSettings) -> set[str]:
    return ({*fees.unknown} & {"transfer_fee"}) | ({*tax.unknown} & {"energy_tax"})


def _in_force(versions: tuple[TariffSettings, ...], day: date) -> TariffSettings:
    """Return the version in force on a day; before all of them the first."""
    ordered = sorted(versions, key=lambda version: version.valid_from)
    return next((version for version in reversed(ordered) if version.valid_from <= day), ordered[0])
