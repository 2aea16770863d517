"""`darkstar ui`: start Dagster, MLflow and the planner's page on the state folder, on loopback only."""

import os
import sys
import sysconfig
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkstar_pipeline.commands.serve import serving_lock
from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document
from darkstar_pipeline.state.folder_names import LOGS_FOLDER

if TYPE_CHECKING:
    from darkstar_pipeline.console.supervisor import Program
    from darkstar_pipeline.service.http.tokens import AccessToken

DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
DAGSTER_PAGE = "darkstar_pipeline.service.door.dagster_page"
MLFLOW_PAGE = "darkstar_pipeline.service.door.mlflow_page"
DEFINITIONS = "darkstar_pipeline.definitions"
UI_FOLDER = "ui"
_DEFAULT_PORT = "Default: {}, or the next."


def ui(
    call: Call,
    *,
    dagster_port: Annotated[
        int | None,
        typer.Option("--dagster-port", metavar="PORT", min=1024, max=65_535, help=_DEFAULT_PORT.format(DAGSTER_PORT)),
    ] = None,
    mlflow_port: Annotated[
        int | None,
        typer.Option("--mlflow-port", metavar="PORT", min=1024, max=65_535, help=_DEFAULT_PORT.format(MLFLOW_PORT)),
    ] = None,
    planner_port: Annotated[
        int | None,
        typer.Option("--planner-port", metavar="PORT", min=1024, max=65_535, help=_DEFAULT_PORT.format("as set")),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the link in the browser.")] = True,
) -> None:
    """Start Dagster, MLflow and the planner's page; Ctrl-C stops them.

    All three ask for a session. The printed link starts one in the browser that opens it first; the service's token
    does so too.
    """
    from darkstar_pipeline.config.settings import home_dir, load_settings
    from darkstar_pipeline.console.supervisor import ProcessSupervisor, stop_on_signals
    from darkstar_pipeline.context import open_context
    from darkstar_pipeline.service.door.links import DIGEST_VARIABLE
    from darkstar_pipeline.service.http.tokens import AccessToken, service_token
    from darkstar_pipeline.state.file_lock import is_locked
    from darkstar_pipeline.tracking.pages import DAGSTER_PAGE, MLFLOW_PAGE

    settings = load_settings()  # fail here rather than with load errors in Dagster's page
    site = settings.site_name(call.site)
    home = home_dir()
    first = _port(dagster_port, DAGSTER_PORT, ())
    second = _port(mlflow_port, MLFLOW_PORT, (first,))
    third = _port(planner_port, settings.sites[site].service.port, (first, second))
    token = AccessToken(service_token(open_context(site, settings=settings, home=home)))
    call.note("starting Dagster, MLflow and the planner …")
    environment = {
        **_environment(home),
        DIGEST_VARIABLE: token.digest,
        DAGSTER_PAGE: f"http://127.0.0.1:{first}",
        MLFLOW_PAGE: f"http://127.0.0.1:{second}",
    }
    supervisor = ProcessSupervisor(home / LOGS_FOLDER, environment)
    services = _services(home, first, second, environment)
    if is_locked(serving_lock(home, site)):
        call.note(f"a planner of {site} already runs, so none is started here")
    else:
        services.append(_planner(site, third))
    with stop_on_signals(supervisor):
        for service in services:
            supervisor.start(service)
        if not supervisor.wait_ready():
            return
        with _opened(call, services, home, token, browser=browser) as link:
            call.deliver(_addresses(services, environment, home, link))
            supervisor.wait_stopped()
    call.note("stopped")


def _port(wanted: int | None, usual: int, taken: tuple[int, ...]) -> int:
    """Return the port to use.

    Raises:
        ConfigurationError: the wanted one is taken.
    """
    from darkstar_pipeline.console.supervisor import free_port, is_free
    from darkstar_pipeline.errors import ConfigurationError

    if wanted is None:
        return free_port(usual, taken=taken)
    if wanted in taken or not is_free(wanted):
        raise ConfigurationError(f"port {wanted} is taken", "name another, or leave the option out")
    return wanted


def _environment(home: Path) -> dict[str, str]:
    """Return the programs' environment variables: no telemetry, and MLflow answers to loopback's names alone."""
    from darkstar_pipeline.orchestration.instance import dagster_environment
    from darkstar_pipeline.tracking.mlflow_store import tracking_uri

    return {
        **os.environ,
        **dagster_environment(home),
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ALLOWED_HOSTS": "localhost,localhost:*,127.0.0.1,127.0.0.1:*",  # its default: any private
        "MLFLOW_BACKEND_STORE_URI": tracking_uri(home),  # not an option: it may hold a password, and `ps` shows options
        "PYTHONUNBUFFERED": "1",
    }


def _services(home: Path, dagster_port: int, mlflow_port: int, environment: Mapping[str, str]) -> "list[Program]":
    """Return the programs: Dagster's page and daemon, and MLflow where no server is configured."""
    from darkstar_pipeline.console.supervisor import LOOPBACK, Program

    webserver = (sys.executable, "-m", DAGSTER_PAGE, "-h", LOOPBACK, "-p", str(dagster_port), "-m", DEFINITIONS)
    services = [
        Program(
            name="dagster",
            command=webserver,
            port=dagster_port,
            ready_path="/server_info",
        ),
        Program(name="dagster-daemon", command=(_program("dagster-daemon"), "run", "-m", DEFINITIONS)),
    ]
    if not _mlflow_server(environment):
        services.append(_mlflow(home, mlflow_port))
    return services


def _planner(site: str, port: int) -> "Program":
    """Return the program of the site's planner service."""
    from darkstar_pipeline.console.supervisor import LOOPBACK, Program

    command = (_program("darkstar"), "serve", "--site", site, "--host", LOOPBACK, "--port", str(port))
    return Program(name="planner", command=command, port=port, ready_path="/health")


def _mlflow(home: Path, port: int) -> "Program":
    """Return the program of MLflow; its store is created first, so that no two processes create it at once."""
    from darkstar_pipeline.console.supervisor import LOOPBACK, Program
    from darkstar_pipeline.context import MLFLOW_FOLDER
    from darkstar_pipeline.tracking.mlflow_store import open_store

    open_store(home)
    artifacts = (home / MLFLOW_FOLDER / "artifacts").as_uri()
    command = (
        *(sys.executable, "-m", MLFLOW_PAGE, "--host", LOOPBACK, "--port", str(port)),
        *("--artifacts-destination", artifacts),
    )
    return Program(name="mlflow", command=command, port=port, ready_path="/health")


def _mlflow_server(environment: Mapping[str, str]) -> str | None:
    """Return the configured MLflow server; None where the local store is used."""
    from darkstar_pipeline.tracking.mlflow_store import without_user

    uri = environment.get("MLFLOW_TRACKING_URI", "")
    return without_user(uri) if uri.startswith(("http://", "https://")) else None


def _program(name: str) -> str:
    """Return the path of a program installed beside this one."""
    return str(Path(sysconfig.get_path("scripts")) / name)


@contextmanager
def _opened(
    call: Call, services: "list[Program]", home: Path, token: "AccessToken", *, browser: bool
) -> Generator[str]:
    """Open a one-time link to Dagster's page in the browser of whoever sits at the terminal.

    Yields:
        The link, which is as good in another browser as long as nobody has opened it.
    """
    from darkstar_pipeline.service.door.links import one_time_link, open_in_browser

    url = next(service.url for service in services if service.name == "dagster")
    link = one_time_link(home, token, str(url))
    opening = open_in_browser(link, home / UI_FOLDER) if browser and call.can_prompt else None
    try:
        yield link
    finally:
        if opening is not None:
            opening.unlink(missing_ok=True)


def _addresses(services: "list[Program]", environment: Mapping[str, str], home: Path, link: str) -> Document:
    """Return the addresses of the pages as the answer."""
    urls = {service.name: service.url for service in services}
    document = {
        "dagster": urls["dagster"],
        "mlflow": urls.get("mlflow", _mlflow_server(environment)),
        "planner": urls.get("planner"),
        "logs": str(home / LOGS_FOLDER),
        "link": link,
    }
    lines = "\n".join(f"{name:<8} {place}" for name, place in document.items() if place)
    text = f"{lines}\nThe link opens all pages in the browser that opens it first; Ctrl-C stops them"
    return Document(document, lambda out: out.print(text, markup=False, soft_wrap=True))
