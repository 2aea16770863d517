"""An S3 server on loopback, in this process: moto's, on a free port."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

import httpx2

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_REGION": "us-east-1"}
_names = count(1)


@contextmanager
def running_s3_server() -> Generator[str]:
    """Run a server; yields its address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(endpoint: str) -> str:
    """Make a bucket of a name that no other test has; return the place of a lake in it."""
    name = f"fleet-{os.getpid()}-{next(_names)}"
    httpx2.put(f"{endpoint}/{name}", timeout=30.0).raise_for_status()
    return f"s3://{name}/lake"


def environment(endpoint: str) -> dict[str, str]:
    """Return the variables by which a client finds the server."""
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
