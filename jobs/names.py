"""How jobs and schedules are called: plainly for the default home, with the home's name before it for the others."""

from assets.home import Home


def job_name(home: Home, what: str) -> str:
    """Name of one of the home's jobs; Dagster allows letters, digits and underscores."""
    return "__".join((*(part.replace("-", "_") for part in home.prefix), what))
