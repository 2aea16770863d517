"""A mail server on loopback that keeps what it is given."""

import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast


@dataclass
class MailServer:
    """A server and its letters.

    Attributes:
        port: its port.
        letters: what it took.
        refuses: whether it takes no recipient.
    """

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list[EmailMessage])
    refuses: bool = False


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, mail: MailServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mail = mail


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mail = cast("_Server", self.server).mail
        self._say("220 localhost")
        while line := self.rfile.readline():
            word = line.split()[0].upper()
            if word == b"DATA":
                self._say("354 go on")
                mail.letters.append(self._letter())
                self._say("250 taken")
            elif word == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("550 nobody of that name" if word == b"RCPT" and mail.refuses else "250 localhost")

    def _letter(self) -> EmailMessage:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        parsed: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        return cast("EmailMessage", parsed)

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mail_server() -> Generator[MailServer]:
    """Run one on a free port, without encryption."""
    mail = MailServer()
    with _Server(mail) as server:
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join(timeout=5)
