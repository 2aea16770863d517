"""Checks of the ways in which a person is told: whether they would take a message, as far as asking tells."""

from darkstar_pipeline.channels.channel import Channel
from darkstar_pipeline.channels.configured import channels_of
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.doctor.finding import CheckResult, found_by, passed, warned


def check_channels(site: str, settings: SiteSettings) -> list[CheckResult]:
    """Check every channel of a site without sending anything; nothing where nobody wants to be told."""
    return [_check_channel(f"notifications by {channel.name}, {site}", channel) for channel in channels_of(settings)]


def _check_channel(check: str, channel: Channel) -> CheckResult:
    return found_by(check, lambda: passed(check, channel.examine()), otherwise=warned)
