"""The check of a certificate authority of the home's own: without it no source is asked at all."""

import ssl

from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.doctor.finding import CheckResult, found_by, passed
from darkstar_pipeline.state.trust import with_authority


def check_authority(site: str, settings: SiteSettings) -> list[CheckResult]:
    """Check that the file of the authority holds one; nothing where none is named."""
    path, check = settings.sources.ca_file, f"certificate authority, {site}"
    if path is None:
        return []

    def look() -> CheckResult:
        with_authority(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path)
        return passed(check, str(path))

    return [found_by(check, look)]
