"""`python -m darkstar_pipeline.service.door.dagster_page`: `dagster-webserver` behind the door, with its arguments."""

from typing import TYPE_CHECKING, Any

from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.service.door.door import Door
from darkstar_pipeline.service.door.links import passed_token
from darkstar_pipeline.service.http.sessions import kept_sessions
from darkstar_pipeline.state.privacy import keep_files_private

if TYPE_CHECKING:
    from starlette.types import ASGIApp

READY_PATH = "/server_info"


def main() -> None:
    """Run `dagster-webserver` with the door around its application."""
    import uvicorn
    from dagster_webserver import cli

    keep_files_private()  # the sockets of Dagster's code servers too
    token = passed_token()
    sessions = kept_sessions(home_dir(), token)
    run = uvicorn.run

    def guarded(app: "ASGIApp", **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        door = Door(app, token=token, sessions=sessions, open_paths=(READY_PATH,))
        run(door, **options, proxy_headers=False)

    uvicorn.run = guarded  # the one place where Dagster starts its server; it takes no middleware
    cli.main()


if __name__ == "__main__":
    main()
