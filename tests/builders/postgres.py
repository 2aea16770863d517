"""A Postgres of its own on loopback, with the databases that the deployed files ask for; gone when the block ends."""

import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.builders.tools import postgres_programs
from tests.conftest import ROOT

USER = "darkstar"
_ORDINARY = "nobody"
"""Whose processes they are where the tests run as root, whom Postgres refuses."""


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    port: int
    password: str

    def address(self, database: str) -> str:
        """Return the address of a database for SQLAlchemy."""
        return f"postgresql+psycopg2://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"


@contextmanager
def postgres() -> Generator[Postgres]:
    """Start a server with a password, the database `dagster`, and what `deploy/postgres_databases.sql` adds."""
    programs, password = postgres_programs(), secrets.token_hex(16)
    as_whom: dict[str, Any] = {"user": _ORDINARY, "group": "nogroup"} if os.geteuid() == 0 else {}
    with TemporaryDirectory(prefix="postgres-") as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        secret = Path(folder) / "password"
        secret.write_text(password)
        for path in (Path(folder), secret):
            if as_whom:
                shutil.chown(path, _ORDINARY, "nogroup")

        def run(program: str, *words: str) -> None:
            environment = {**os.environ, "PGPASSWORD": password, "LC_ALL": "C.UTF-8"}
            command = [str(programs / program), *words]
            subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment, **as_whom)

        data, at = f"{folder}/data", ("--host=127.0.0.1", f"--port={port}", f"--username={USER}")
        run("initdb", f"--pgdata={data}", f"--username={USER}", f"--pwfile={secret}", "--auth=scram-sha-256", "-N")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={folder}/log", f"--options={options}")
        try:
            run("createdb", *at, "dagster")
            added = (ROOT / "deploy" / "postgres_databases.sql").read_text()
            run("psql", *at, "--set=ON_ERROR_STOP=1", f"--command={added}", "dagster")
            yield Postgres(port, password)
        finally:
            run("pg_ctl", "stop", f"--pgdata={data}", "--mode=immediate")
