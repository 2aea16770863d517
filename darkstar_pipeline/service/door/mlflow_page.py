"""`python -m darkstar_pipeline.service.door.mlflow_page`: MLflow's server behind the door, in one process.

`mlflow server` starts uvicorn as a process of its own on an application that it names, and takes no middleware; so this
sets what that process is told (the same variables) and runs the same application. Written for MLflow 3.17.
"""

import argparse
import os
from collections.abc import Mapping

from darkstar_pipeline.config.settings import home_dir
from darkstar_pipeline.service.door.door import Door
from darkstar_pipeline.service.door.links import passed_token
from darkstar_pipeline.service.http.sessions import kept_sessions
from darkstar_pipeline.state.privacy import keep_files_private

READY_PATH = "/health"
ARTIFACTS = "mlflow-artifacts:/"
"""Root of artifacts, as clients see it: the server hands them on."""


def main() -> None:
    """Run MLflow's server with the door around its application."""
    options = _options()
    keep_files_private()
    store = options.backend_store_uri
    os.environ |= server_variables(store, options.artifacts_destination)
    token = passed_token()
    import uvicorn
    from mlflow.server.fastapi_app import app  # reads the variables
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(store, store, ARTIFACTS)

    names = [name for name in options.names.split(",") if name]
    door = Door(app, token=token, sessions=kept_sessions(home_dir(), token), open_paths=(READY_PATH,), names=names)
    uvicorn.run(door, host=options.host, port=options.port, proxy_headers=False)


def server_variables(store: str, artifacts: str) -> Mapping[str, str]:
    """Return the variables that `mlflow server` sets for its application.

    Args:
        store: address of the database.
        artifacts: address of the folder that artifacts lie in.
    """
    from mlflow.server import constants

    return {
        constants.BACKEND_STORE_URI_ENV_VAR: store,
        constants.REGISTRY_STORE_URI_ENV_VAR: store,
        constants.ARTIFACT_ROOT_ENV_VAR: ARTIFACTS,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        constants.ARTIFACTS_DESTINATION_ENV_VAR: artifacts,
        "_MLFLOW_SGI_NAME": "uvicorn",
        "MLFLOW_ENABLE_WORKSPACES": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its workers take 2 GB
    }


def _options() -> argparse.Namespace:
    """Return the options; those that `mlflow server` has too are called as there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    store = os.environ.get("MLFLOW_BACKEND_STORE_URI")
    parser.add_argument("--backend-store-uri", default=store, required=store is None)
    parser.add_argument("--artifacts-destination", required=True)
    parser.add_argument("--names", default="", help="further values of Host that are its own, separated by commas")
    return parser.parse_args()


if __name__ == "__main__":
    main()
