"""An action `notify.…` of the home's Home Assistant as a way to a person."""

from dataclasses import dataclass
from pathlib import Path

from darkstar_pipeline.channels.channel import SECONDS, Message
from darkstar_pipeline.config.home_assistant import HomeAssistantSettings
from darkstar_pipeline.errors import ConfigurationError
from darkstar_pipeline.home_assistant_api.failures import TOKEN_VARIABLE
from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket
from darkstar_pipeline.state.secrets import secret


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
        domain, _, service = self.action.partition(".")
        with self._socket() as socket:
            socket.call(domain, service, {"title": message.title, "message": message.text}, answers=False)

    def examine(self) -> str:
        """Return that the action is there."""
        domain, _, service = self.action.partition(".")
        with self._socket() as socket:
            known = socket.actions().get(domain, ())
        if service not in known:
            there = ", ".join(f"{domain}.{name}" for name in sorted(known)) or "none"
            raise ConfigurationError(
                f"Home Assistant at {self.settings.url} has no action {self.action}; it has {there}",
                "name one of them in notifications.home_assistant",
            )
        return f"{self.action} is there, the token is accepted"

    def _socket(self) -> HomeAssistantSocket:
        token = secret(TOKEN_VARIABLE, self.settings.token_file)
        if self.settings.url is None or token is None:
            remedy = f"set home_assistant.url and the token ({TOKEN_VARIABLE} or home_assistant.token_file)"
            raise ConfigurationError(f"{self.action} cannot be called without address and token", remedy)
        return HomeAssistantSocket(self.settings.url, token, ca_file=self.ca_file, seconds=SECONDS, pauses=())
