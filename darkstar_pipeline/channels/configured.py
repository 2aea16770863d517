"""The ways to a person that a site names."""

from collections.abc import Sequence

from darkstar_pipeline.channels.channel import Channel
from darkstar_pipeline.channels.home_assistant import HomeAssistantChannel
from darkstar_pipeline.channels.mail import EmailChannel
from darkstar_pipeline.channels.webhook import WEBHOOK, WebhookChannel
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.state.secrets import secret


def channels_of(settings: SiteSettings) -> Sequence[Channel]:
    """Return the channels of a site; none where nobody wants to be told."""
    chosen, ca_file = settings.notifications, settings.sources.ca_file
    channels: list[Channel] = []
    if chosen.home_assistant is not None:
        channels.append(HomeAssistantChannel(chosen.home_assistant, settings.home_assistant, ca_file))
    if chosen.webhook_file is not None or secret(WEBHOOK, None) is not None:
        channels.append(WebhookChannel(chosen.webhook_file, ca_file))
    if chosen.email is not None:
        channels.append(EmailChannel(chosen.email, ca_file))
    return channels
