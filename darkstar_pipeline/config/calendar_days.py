"""Calendar days as people write them, on the command line and in requests."""

import re
from datetime import date

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)
"""Days outside are typing errors, and would make ranges of a million days."""
_WRITTEN_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def is_written_day(text: str) -> bool:
    """Return whether a text has the form `YYYY-MM-DD`; it may still name no day of the calendar.

    >>> is_written_day("2026-02-30"), is_written_day("20260131"), is_written_day("2026-W05-6")
    (True, False, False)
    """
    return _WRITTEN_DAY.fullmatch(text) is not None
