"""The embedded sample: a measured home, published prices, and a few faults put in on purpose (`docs/sample.md`).

Pure Polars: it reads its own file and knows nothing of the lake or of how faults are repaired.
"""

from darkstar_pipeline.sample.faults import Expected, Fault, FaultKind, inject_faults
from darkstar_pipeline.sample.recording import (
    FIRST_DAY,
    LAST_DAY,
    NATIVE_MINUTES,
    SAMPLE_AREA,
    SAMPLE_CURRENCY,
    SAMPLE_TIMEZONE,
    Sample,
    load_sample,
)

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "NATIVE_MINUTES",
    "SAMPLE_AREA",
    "SAMPLE_CURRENCY",
    "SAMPLE_TIMEZONE",
    "Expected",
    "Fault",
    "FaultKind",
    "Sample",
    "inject_faults",
    "load_sample",
]
