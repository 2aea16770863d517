"""The columns of a schedule that people and scripts are shown."""

SLOT_COLUMNS = (
    "slot_start",
    "import_price",
    "export_price",
    "load_kwh",
    "pv_kwh",
    "charge_kw",
    "discharge_kw",
    "export_kw",
    "import_kwh",
    "export_kwh",
    "charge_kwh",
    "discharge_kwh",
    "curtailed_kwh",
    "soc_start_kwh",
    "soc_end_kwh",
    "cost",
    "reason",
)
