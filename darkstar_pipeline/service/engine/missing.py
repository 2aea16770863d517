"""The money missing to perfect hindsight, as the weekly run stored it: nothing is worked out for a request."""

from darkstar_pipeline.config.fingerprints import config_version
from darkstar_pipeline.context import Context
from darkstar_pipeline.evaluation.missing_words import HINDSIGHT, in_words
from darkstar_pipeline.service.schemas.history import MissingDocument, MissingRow
from darkstar_pipeline.warehouse.schemas import MISSING_MONEY
from planner.wording.messages import phrase

NEVER = phrase("Not worked out yet: `darkstar retrain` does it, and Dagster's weekly_retrain.")
OTHER_SETTINGS = phrase("Worked out under other settings of battery, tariff or protocol than today's.")


def missing_document(context: Context) -> MissingDocument:
    """Return what was stored last."""
    site, currency = context.site_name, context.site.currency
    newest = context.lake.days(MISSING_MONEY, site)[-1:]
    found = context.lake.read(MISSING_MONEY, site, newest[0], newest[0]).to_dicts() if newest else []
    if not found:
        return MissingDocument(site=site, currency=currency, note=NEVER)
    first = found[0]
    fits = first["config_version"] == config_version(context.site_settings, "policies")
    return MissingDocument(
        site=site,
        currency=currency,
        day=first["local_day"],
        first_day=first["first_day"],
        last_day=first["last_day"],
        days=first["days"],
        saved=first["saved"],
        missing=next((row["gain"] for row in found if row["what"] == HINDSIGHT), None),
        rows=[
            MissingRow(what=row["what"], text=in_words(row["what"]), gain=row["gain"], part=row["part"])
            for row in found
            if row["what"] != HINDSIGHT
        ],
        note="" if fits else OTHER_SETTINGS,
    )
