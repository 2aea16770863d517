"""A message reaches a person by each channel, or the reason why not is told without a secret."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from darkstar_pipeline.channels.channel import Channel, Message
from darkstar_pipeline.channels.configured import channels_of
from darkstar_pipeline.channels.mail import PASSWORD
from darkstar_pipeline.channels.webhook import WEBHOOK
from darkstar_pipeline.config.notifications.channels import EmailSettings
from darkstar_pipeline.config.site import SiteSettings
from darkstar_pipeline.errors import DarkstarError
from tests.builders.certificates import certificate
from tests.builders.home_assistant_socket import TOKEN, home_assistant_socket
from tests.builders.mail_server import mail_server
from tests.builders.source_server import Reply, source_server

MESSAGE = Message(site="home", cause="prices, home", state="broken", title="Darkstar: prices, home", text="Late.\nå")
SECRET = "a-secret-of-this-test"  # noqa: S105 - of no server


def only_channel(settings: Mapping[str, object]) -> Channel:
    (channel,) = channels_of(SiteSettings.model_validate(settings))
    return channel


def by_email(port: int, ca_file: Path | None = None, **changes: object) -> Channel:
    email = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "a@b.example", "to": ["c@d.example"]}
    trusted = {"sources": {"ca_file": ca_file}}
    return only_channel({"notifications": {"email": {**email, **changes}}, **trusted})


def test_nobody_is_told_by_default():
    assert channels_of(SiteSettings()) == []


def test_home_assistants_action_is_called_without_asking_for_an_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DARKSTAR_HA_TOKEN", TOKEN)
    with home_assistant_socket({"call_service": {"context": {}}}) as home:
        settings = {"home_assistant": {"url": home.url}, "notifications": {"home_assistant": "notify.phone"}}
        only_channel(settings).tell(MESSAGE)
    (question,) = home.asked
    assert (question["domain"], question["service"]) == ("notify", "phone")
    assert question["service_data"] == {"title": MESSAGE.title, "message": MESSAGE.text}
    assert "return_response" not in question, "Home Assistant refuses that of an action that answers nothing"


@pytest.mark.parametrize("reply", [Reply(status=204, body=b"", content_type=None), Reply(body=b"ok"), Reply(body=b"")])
def test_a_webhook_gets_the_message_whatever_it_answers(reply: Reply, tmp_path: Path):
    with source_server() as server:
        server.serve(reply)
        address = tmp_path / "webhook"
        address.write_text(f"{server.url}/{SECRET}\n")
        address.chmod(0o600)
        only_channel({"notifications": {"webhook_file": str(address)}}).tell(MESSAGE)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", f"/{SECRET}")
    told = {"site": "home", "cause": "prices, home", "state": "broken", "title": MESSAGE.title, "message": MESSAGE.text}
    assert json.loads(asked.body) == told


@pytest.mark.parametrize("reply", [Reply(status=403), Reply(status=503), Reply(status=302), Reply(drop=True)])
def test_a_webhook_that_does_not_take_it_is_asked_once_and_its_address_stays_secret(
    reply: Reply, monkeypatch: pytest.MonkeyPatch
):
    with source_server() as server:
        server.serve(reply)
        monkeypatch.setenv(WEBHOOK, f"{server.url}/{SECRET}")
        with pytest.raises(DarkstarError) as told:
            only_channel({}).tell(MESSAGE)
    assert len(server.asked) == 1
    assert told.value.hint.startswith("check the address in DARKSTAR_WEBHOOK_URL")
    assert SECRET not in f"{told.value.message} {told.value.hint}"


@pytest.mark.parametrize("address", ["", f"ftp://x/{SECRET}", f"https://{SECRET} x", SECRET])
def test_what_is_no_address_is_refused_without_showing_it(address: str, tmp_path: Path):
    file = tmp_path / "webhook"
    file.write_text(address)
    file.chmod(0o600)
    with pytest.raises(DarkstarError, match="there is no address") as told:
        only_channel({"notifications": {"webhook_file": str(file)}}).tell(MESSAGE)
    assert SECRET not in f"{told.value.message} {told.value.hint}"


def test_an_e_mail_arrives():
    with mail_server() as mail:
        by_email(mail.port).tell(MESSAGE)
    (letter,) = mail.letters
    assert (letter["Subject"], letter["From"], letter["To"]) == (MESSAGE.title, "a@b.example", "c@d.example")
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter.get_content().splitlines() == MESSAGE.text.splitlines()


def test_a_server_that_refuses_or_is_away_is_told():
    with mail_server() as mail:
        mail.refuses = True
        with pytest.raises(DarkstarError, match=r"127\.0\.0\.1 does not take e-mail: SMTPRecipientsRefused"):
            by_email(mail.port).tell(MESSAGE)
    assert not mail.letters
    with pytest.raises(DarkstarError, match="Connection refused"):
        by_email(mail.port).tell(MESSAGE)


def test_no_password_leaves_on_a_connection_that_is_not_encrypted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PASSWORD, SECRET)
    with mail_server() as mail, pytest.raises(DarkstarError, match="does not take e-mail: SMTPNotSupportedError"):
        by_email(mail.port, security="starttls", username="me").tell(MESSAGE)
    with mail_server() as mail, pytest.raises(DarkstarError, match="does not take e-mail"):
        by_email(mail.port, security="tls", username="me").tell(MESSAGE)
    assert not mail.letters
    with pytest.raises(ValidationError, match="would send the password in clear"):
        EmailSettings(host="x", security="none", username="me", sender="a@b.c", to=("a@b.c",))


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_e_mail_goes_over_a_verified_connection_after_the_login(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(PASSWORD, SECRET)
    authority = certificate(tmp_path)
    with mail_server(certificate=authority, at_once=security == "tls") as mail:
        with pytest.raises(DarkstarError, match="does not take e-mail"):
            by_email(mail.port, security=security, username="me").tell(MESSAGE)
        assert mail.logins == []
        by_email(mail.port, authority, security=security, username="me").tell(MESSAGE)
    assert mail.logins == [f"me {SECRET}"]
    assert len(mail.letters) == 1


def test_another_machine_is_not_asked_where_the_process_stays_offline(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DARKSTAR_OFFLINE", "1")
    with pytest.raises(DarkstarError, match=r"mail\.example is not asked"):
        by_email(25, host="mail.example").tell(MESSAGE)


@pytest.mark.parametrize("address", ["a@b.c\nBcc: x@y.z", "Me <a@b.c>", "a", "a@b@c"])
def test_only_plain_addresses_are_taken(address: str):
    with pytest.raises(ValidationError):
        EmailSettings(host="x", sender=address, to=("a@b.c",))


def test_home_assistants_action_is_looked_for_without_calling_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DARKSTAR_HA_TOKEN", TOKEN)
    with home_assistant_socket({"get_services": {"notify": {"phone": {}, "tablet": {}}, "light": {}}}) as home:
        for action, told in (("notify.phone", ""), ("notify.fone", "it has notify.phone, notify.tablet")):
            settings = {"home_assistant": {"url": home.url}, "notifications": {"home_assistant": action}}
            if not told:
                assert "the token is accepted" in only_channel(settings).examine()
                continue
            with pytest.raises(DarkstarError, match=told):
                only_channel(settings).examine()
    assert {question["type"] for question in home.asked} == {"get_services"}


@pytest.mark.parametrize("status", [200, 302, 404, 405])
def test_a_webhook_is_examined_at_its_servers_front_page(status: int, monkeypatch: pytest.MonkeyPatch):
    with source_server() as server:
        server.serve(Reply(status=status))
        monkeypatch.setenv(WEBHOOK, f"{server.url}/{SECRET}?key={SECRET}")
        assert only_channel({}).examine().startswith("127.0.0.1 answers")
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/", {})


@pytest.mark.parametrize("reply", [Reply(status=503), Reply(drop=True)])
def test_a_webhook_without_a_server_is_told(reply: Reply, monkeypatch: pytest.MonkeyPatch):
    with source_server() as server:
        server.serve(reply)
        monkeypatch.setenv(WEBHOOK, f"{server.url}/{SECRET}")
        with pytest.raises(DarkstarError) as told:
            only_channel({}).examine()
    assert SECRET not in f"{told.value.message} {told.value.hint}"


def test_a_mail_server_is_examined_by_the_login_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(PASSWORD, SECRET)
    authority = certificate(tmp_path)
    with mail_server(certificate=authority) as mail:
        channel = by_email(mail.port, authority, security="starttls", username="me")
        assert channel.examine() == "127.0.0.1 answers and accepts name and password"
        mail.rejects = True
        with pytest.raises(DarkstarError, match=r"SMTPAuthenticationError \(535\)") as told:
            channel.examine()
    assert told.value.hint.startswith("check notifications.email.username")
    assert (mail.letters, len(mail.logins)) == ([], 2)
