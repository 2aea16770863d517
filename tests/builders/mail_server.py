"""A mail server on loopback that keeps what it is given."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast


@dataclass
class MailServer:
    """A server and its letters.

    Attributes:
        port: its port.
        letters: what it took.
        refuses: whether it takes no recipient.
        rejects: whether it takes no password.
        tls: its certificate; None where it has none.
        at_once: whether the connection is encrypted from its begin, instead of by STARTTLS.
        logins: whoever logged in, with the password.
    """

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list[EmailMessage])
    refuses: bool = False
    rejects: bool = False
    tls: ssl.SSLContext | None = None
    at_once: bool = False
    logins: list[str] = field(default_factory=list[str])


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, mail: MailServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mail = mail


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        mail = cast("_Server", self.server).mail
        try:
            if mail.at_once:
                self._encrypt(mail)
            self._say("220 localhost")
            while (line := self.rfile.readline()) and self._answered(mail, line):
                pass
        except (ssl.SSLError, ConnectionError):
            pass  # the client trusts nobody, or has gone
        finally:
            self.rfile.close()
            self.connection.close()

    def _answered(self, mail: MailServer, line: bytes) -> bool:
        """Answer a line; return whether the talk goes on."""
        word, *rest = line.split()
        match word.upper():
            case b"EHLO":
                encrypted = isinstance(self.connection, ssl.SSLSocket)
                self._say("250-localhost")
                self._say("250 AUTH PLAIN" if encrypted else "250 STARTTLS" if mail.tls else "250 8BITMIME")
            case b"STARTTLS":
                self._say("220 go on")
                self._encrypt(mail)
            case b"AUTH":
                mail.logins.append(base64.b64decode(rest[1]).decode().replace("\0", " ").strip())
                self._say("535 who are you" if mail.rejects else "235 welcome")
            case b"DATA":
                self._say("354 go on")
                mail.letters.append(self._letter())
                self._say("250 taken")
            case b"QUIT":
                self._say("221 bye")
                return False
            case b"RCPT" if mail.refuses:
                self._say("550 nobody of that name")
            case _:
                self._say("250 localhost")
        return True

    def _encrypt(self, mail: MailServer) -> None:
        assert mail.tls is not None
        self.rfile.close()
        self.connection = self.request = mail.tls.wrap_socket(self.connection, server_side=True)
        self.setup()

    def _letter(self) -> EmailMessage:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        parsed: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        return cast("EmailMessage", parsed)

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


@contextmanager
def mail_server(*, certificate: Path | None = None, at_once: bool = False) -> Generator[MailServer]:
    """Run one on a free port.

    Args:
        certificate: PEM file with a certificate and its key; None for no encryption.
        at_once: whether the connection is encrypted from its begin, instead of by STARTTLS.
    """
    mail = MailServer(at_once=at_once)
    if certificate is not None:
        mail.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        mail.tls.load_cert_chain(certificate)
    with _Server(mail) as server:
        mail.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield mail
        finally:
            server.shutdown()
            thread.join(timeout=5)
