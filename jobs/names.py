"""Names of jobs and schedules: plain for the default home, prefixed with the home's name for the others."""

from assets.home import Home


def job_name(home: Home, what: str) -> str:
    """Return the name of one of the home's jobs; Dagster allows letters, digits and underscores."""
    return "__".join((*(part.replace("-", "_") for part in home.prefix), what))
