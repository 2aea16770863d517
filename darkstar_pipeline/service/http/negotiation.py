"""The language of each answer: the one that `Accept-Language` asks for, else the site's."""

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from planner.wording.languages import Language, accepted, speak

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Negotiation:
    """Speaks the language of a request while it is answered: each request is a task, and has a context of its own.

    Args:
        app: the application inside.
        usual: the site's language, for those who ask for none of ours.
    """

    def __init__(self, app: "ASGIApp", *, usual: Language) -> None:
        self.app = app
        self.usual: Language = usual

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Let the application answer."""
        if scope["type"] == "http":
            speak(accepted(Headers(scope=scope).get("accept-language", ""), self.usual))
        await self.app(scope, receive, send)
