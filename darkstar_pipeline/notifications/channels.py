"""The ways to a person: an action of Home Assistant, a webhook, e-mail. A message is handed over once, or fails."""

import re
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path
from typing import Protocol

from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.config.notifications.channels import EmailSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.client import SourceClient, may_ask, tls_context
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.state.secrets import secret

SECONDS = 10.0
"""Longest wait for an answer [s]: Dagster ends a look that takes a minute."""
WEBHOOK, PASSWORD = "DARKSTAR_WEBHOOK_URL", "DARKSTAR_SMTP_PASSWORD"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message.

    Attributes:
        site: name of the home.
        cause: name of what is broken or mended.
        mended: whether it is mended.
        title: one line.
        text: sentences.
    """

    site: str
    cause: str
    mended: bool
    title: str
    text: str


class Channel(Protocol):
    """A way to a person."""

    @property
    def name(self) -> str:
        """Its name, in the ledger and for people."""
        ...

    def tell(self, message: Message) -> None:
        """Hand a message over.

        Raises:
            DarkstarError: it was not taken; the text holds no secret.
        """
        ...


def channels_of(settings: SiteSettings) -> Sequence[Channel]:
    """Return the channels of a site; none where nobody wants to be told."""
    chosen, ca_file = settings.notifications, settings.sources.ca_file
    channels: list[Channel] = []
    if chosen.home_assistant is not None:
        channels.append(HomeAssistantChannel(chosen.home_assistant, settings.home_assistant, ca_file))
    if has_webhook(settings):
        channels.append(WebhookChannel(chosen.webhook_file, ca_file))
    if chosen.email is not None:
        channels.append(EmailChannel(chosen.email, ca_file))
    return channels


def has_webhook(settings: SiteSettings) -> bool:
    """Return whether there is an address for messages, in a file or in the environment."""
    return settings.notifications.webhook_file is not None or secret(WEBHOOK, None) is not None


@dataclass(frozen=True)
class HomeAssistantChannel:
    """An action `notify.…` of the home's Home Assistant.

    Attributes:
        action: its name.
        settings: address and token of Home Assistant.
        ca_file: certificate authority that is trusted beside the system's.
    """

    action: str
    settings: HomeAssistantSettings
    ca_file: Path | None

    @property
    def name(self) -> str:
        """Its name."""
        return "home_assistant"

    def tell(self, message: Message) -> None:
        """Call the action."""
        token = secret(TOKEN_VARIABLE, self.settings.token_file)
        if self.settings.url is None or token is None:
            remedy = f"set home_assistant.url and the token ({TOKEN_VARIABLE} or home_assistant.token_file)"
            raise ConfigurationError(f"{self.action} cannot be called without address and token", remedy)
        domain, _, service = self.action.partition(".")
        with HomeAssistantSocket(self.settings.url, token, ca_file=self.ca_file, seconds=SECONDS, pauses=()) as socket:
            socket.call(domain, service, {"title": message.title, "message": message.text}, answers=False)


@dataclass(frozen=True)
class WebhookChannel:
    """An address that a message is posted to as JSON.

    Attributes:
        file: file with the address, unless the environment has it.
        ca_file: certificate authority that is trusted beside the system's.
    """

    file: Path | None
    ca_file: Path | None

    @property
    def name(self) -> str:
        """Its name."""
        return "webhook"

    def tell(self, message: Message) -> None:
        """Post it."""
        url = secret(WEBHOOK, self.file)
        if url is None or not re.fullmatch(r"https?://[^\s/]+\S*", url):
            where = f"{WEBHOOK} or notifications.webhook_file"
            raise ConfigurationError(f"there is no address in {where}", "write one there, beginning with https://")
        body: Mapping[str, object] = {
            "site": message.site,
            "cause": message.cause,
            "state": "mended" if message.mended else "broken",
            "title": message.title,
            "message": message.text,
        }
        with SourceClient(ca_file=self.ca_file, seconds=SECONDS) as client:
            client.tell(Request(source="the webhook", url=url, body=body, secret=True))


@dataclass(frozen=True)
class EmailChannel:
    """E-mail through a server.

    Attributes:
        settings: the server and the addresses.
        ca_file: certificate authority that is trusted beside the system's.
    """

    settings: EmailSettings
    ca_file: Path | None

    @property
    def name(self) -> str:
        """Its name."""
        return "email"

    def tell(self, message: Message) -> None:
        """Send it."""
        chosen, host = self.settings, self.settings.host
        if not may_ask(host):
            raise OutsideServiceError(f"{host} is not asked: this process stays offline", "unset DARKSTAR_OFFLINE")
        password = secret(PASSWORD, chosen.password_file)
        if chosen.username is not None and password is None:
            raise ConfigurationError(
                f"there is no password for {host}", f"set {PASSWORD} or notifications.email.password_file"
            )
        try:
            with _connected(chosen, self.ca_file) as server:
                if chosen.username is not None and password is not None:
                    server.login(chosen.username, password)
                server.send_message(_letter(message, chosen))
        except (smtplib.SMTPException, OSError) as error:
            raise OutsideServiceError(
                f"{host} does not take e-mail: {_in_words(error)}", "check notifications.email"
            ) from error


def _connected(settings: EmailSettings, ca_file: Path | None) -> smtplib.SMTP:
    """Return the connection to the server, encrypted as it is configured."""
    context = tls_context(ca_file)
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=SECONDS, context=context)
    server = smtplib.SMTP(settings.host, settings.port, timeout=SECONDS)
    if settings.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _letter(message: Message, settings: EmailSettings) -> EmailMessage:
    """Return a message as a letter that no out-of-office reply answers."""
    letter = EmailMessage()
    letter["Subject"], letter["From"], letter["To"] = message.title, settings.sender, ", ".join(settings.to)
    letter["Date"], letter["Message-ID"] = localtime(), make_msgid(domain="darkstar.invalid")
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text)
    return letter


def _in_words(error: Exception) -> str:
    """Return what a mail server's failure says, without what it says of names and addresses."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} ({error.smtp_code})"
    return getattr(error, "strerror", None) or type(error).__name__
