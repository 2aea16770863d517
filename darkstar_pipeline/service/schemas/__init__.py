"""Schemas of the HTTP API: every document, field by field, as the OpenAPI page shows it.

Units: kW, kWh, money in the site's currency, instants in UTC, state of charge in percent of the capacity.
"""
