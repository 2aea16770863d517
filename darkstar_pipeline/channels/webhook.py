"""An address that messages are posted to as JSON, as a way to a person."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from darkstar_pipeline.channels.channel import SECONDS, Message
from darkstar_pipeline.errors import ConfigurationError, OutsideServiceError
from darkstar_pipeline.fetching.answers import Request
from darkstar_pipeline.fetching.client import SourceClient
from darkstar_pipeline.fetching.errors import ADVICE, FetchError
from darkstar_pipeline.state.secrets import secret

WEBHOOK = "DARKSTAR_WEBHOOK_URL"
_SOURCE = "the webhook"
_REMEDY = f"check the address in {WEBHOOK} or notifications.webhook_file, its server and this machine's network"
_OF_SOURCES = frozenset(ADVICE.values())


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
        body: Mapping[str, object] = {
            "site": message.site,
            "cause": message.cause,
            "state": message.state,
            "title": message.title,
            "message": message.text,
        }
        address = self._address()
        with self._client() as client:
            client.tell(Request(source=_SOURCE, url=address, body=body, secret=True))

    def examine(self) -> str:
        """Return that its server answers: at its front page, since the address itself would take that for a message."""
        split = urlsplit(self._address())
        with self._client() as client:
            client.reach(Request(source=_SOURCE, url=f"{split.scheme}://{split.netloc}/", secret=True))
        return f"{split.hostname} answers; whether it takes messages is not known before one is sent"

    @contextmanager
    def _client(self) -> Generator[SourceClient]:
        """Return a client whose failures are told with what helps a webhook; sources are asked again, it is not."""
        try:
            with SourceClient(ca_file=self.ca_file, seconds=SECONDS) as client:
                yield client
        except FetchError as error:
            remedy = _REMEDY if error.hint in _OF_SOURCES or error.cause == "refused" else error.hint
            raise OutsideServiceError(error.message, remedy) from error

    def _address(self) -> str:
        url = secret(WEBHOOK, self.file)
        if url is None or not re.fullmatch(r"https?://[^\s/]+\S*", url):
            where = f"{WEBHOOK} or notifications.webhook_file"
            raise ConfigurationError(f"there is no address in {where}", "write one there, beginning with https://")
        return url
