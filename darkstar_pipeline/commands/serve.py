"""`darkstar serve`: run the planner service."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document

PROBE_SECONDS = 1.0
"""Longest wait for another process that only looks whether a service runs [s]; it holds the lock for an instant."""


def serve(
    call: Call,
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; default: as configured.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=1, max=65_535, help="Port; default: as configured.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="Run as if it were this moment; controls nothing."),
    ] = None,
    ingress_from: Annotated[
        str | None,
        typer.Option("--ingress-from", metavar="ADDRESS", help="Home Assistant's ingress: no token is asked."),
    ] = None,
    fleet: Annotated[bool, typer.Option("--fleet", help="Serve the homes of the fleet instead of one.")] = False,
    planning: Annotated[
        bool,
        typer.Option(
            "--planning/--no-planning", show_default=False, help="Of a fleet: plan too (default), or only answer."
        ),
    ] = True,
) -> None:
    """Run the planner service with its web page; Ctrl-C stops it.

    It plans continuously and serves the plan, the command in force and their reasons. The printed address has the
    page, the API and its OpenAPI document. The token is in the file `service/token` of the state folder, unless
    DARKSTAR_TOKEN or `service.token_file` names another.

    With `--fleet` it serves all homes of the fleet, to whom `darkstar fleet token create` has given a token.
    """
    if fleet:
        _serve_fleet(call, host=host, port=port, at=at, planning=planning)
        return
    from darkstar_pipeline.console.load_requests import parse_instant
    from darkstar_pipeline.service.clock import Clock
    from darkstar_pipeline.service.server import serve as run
    from darkstar_pipeline.state.privacy import mend_modes

    context = call.context()
    settings = context.site_settings.service
    offset = timedelta()
    if at is not None:
        offset = parse_instant("--at", at, context.timezone) - datetime.now(UTC)
    chosen_host, chosen_port = host or settings.host, port or settings.port
    document = {
        "site": context.site_name,
        "url": f"http://{_shown(chosen_host)}:{chosen_port}",
        "openapi": f"http://{_shown(chosen_host)}:{chosen_port}/openapi.json",
        "token_file": str(settings.token_file or context.home / "service" / "token"),
        "at": datetime.now(UTC) + offset,
    }
    text = f"planner of {context.site_name} on {document['url']}\ntoken   {document['token_file']}\nCtrl-C stops it"
    answer = Document(document, lambda out: out.print(text, markup=False))
    if (opened := mend_modes(context.home)).count:
        call.note(f"{opened.count} files and folders of the state could be read by others, and are private now")
    with hold_serving_lock(serving_lock(context.home, context.site_name), trial=at is not None):
        run(
            context,
            clock=Clock(offset=offset),
            host=chosen_host,
            port=chosen_port,
            started=lambda: call.deliver(answer),
            ingress=ingress_from,
        )


def _serve_fleet(call: Call, *, host: str | None, port: int | None, at: str | None, planning: bool) -> None:
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.console.failures import UsageError
    from darkstar_pipeline.console.load_requests import parse_instant
    from darkstar_pipeline.fleet.homes_file import fleet_of
    from darkstar_pipeline.service.clock import Clock
    from darkstar_pipeline.service.fleet.server import serve_fleet
    from darkstar_pipeline.state.migrations import migrate_state

    if call.site is not None:
        raise UsageError("`darkstar serve --fleet` takes no --site", "leave one of the two out")
    settings, home = load_settings(), home_dir()
    usual = fleet_of(settings).defaults
    migrate_state(home)
    offset = timedelta() if at is None else parse_instant("--at", at, usual.timezone) - datetime.now(UTC)
    chosen_host, chosen_port = host or usual.service.host, port or usual.service.port
    url = f"http://{_shown(chosen_host)}:{chosen_port}"
    document = {"url": url, "openapi": f"{url}/openapi.json", "planning": planning, "at": datetime.now(UTC) + offset}
    text = f"fleet on {url}\ntokens  darkstar fleet token create --tenant NAME\nCtrl-C stops it"
    serve_fleet(
        settings,
        home,
        clock=Clock(offset=offset),
        host=chosen_host,
        port=chosen_port,
        plans=planning,
        started=lambda: call.deliver(Document(document, lambda out: out.print(text, markup=False))),
    )


def serving_lock(home: Path, site: str) -> Path:
    """Return the path of the lock that a running service of a site holds."""
    from darkstar_pipeline.service.state_folder import SERVING_LOCK, service_folder

    return service_folder(home, site) / SERVING_LOCK


@contextmanager
def hold_serving_lock(lock: Path, *, trial: bool) -> Generator[None]:
    """Hold the lock, so that no two services control one inverter; a trial controls nothing and needs no lock.

    Raises:
        ConfigurationError: another service holds it.
    """
    from darkstar_pipeline.errors import ConfigurationError
    from darkstar_pipeline.state.file_lock import hold_lock, wait_until_free

    if trial:
        yield
        return
    with ExitStack() as held:
        with suppress(OSError):  # a full disk is no reason to leave the home without a plan
            if not wait_until_free(lock, PROBE_SECONDS):
                message = f"a planner of {lock.parent.name} already runs on {lock.parents[2]}"
                raise ConfigurationError(message, "stop it first; a trial with `--at TIME` may run beside it")
            held.enter_context(hold_lock(lock))
        yield


def _shown(host: str) -> str:
    """Return a host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host
