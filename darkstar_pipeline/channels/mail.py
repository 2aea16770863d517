"""E-mail through a server, as a way to a person."""

import smtplib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from pathlib import Path

from darkstar_pipeline.channels.channel import SECONDS, Message
from darkstar_pipeline.config.notifications.channels import EmailSettings
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.fetching.client import tls_context
from darkstar_pipeline.fetching.transport import may_ask
from darkstar_pipeline.state.secrets import secret

PASSWORD = "DARKSTAR_SMTP_PASSWORD"  # noqa: S105 - the name of a variable, not its value


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
        with self._server() as server:
            server.send_message(_letter(message, self.settings))

    def examine(self) -> str:
        """Return that the server answers and takes name and password."""
        with self._server() as server:
            server.noop()
        named = "" if self.settings.username is None else " and accepts name and password"
        return f"{self.settings.host} answers{named}"

    @contextmanager
    def _server(self) -> Generator[smtplib.SMTP]:
        """Connect and log in, and tell what fails meanwhile in words."""
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
                yield server
        except (smtplib.SMTPException, OSError) as error:
            raise OutsideServiceError(f"{host} does not take e-mail: {_in_words(error)}", _remedy(error)) from error


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


def _remedy(error: Exception) -> str:
    """Return what to do about a mail server's failure."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"check notifications.email.username and its password ({PASSWORD} or password_file)"
    return "check notifications.email: host, port and security"
