"""Buckets on an S3 server on loopback, and the variables by which a client finds them."""

import os
from itertools import count

import httpx2

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_REGION": "us-east-1"}
_names = count(1)


def new_bucket(endpoint: str) -> str:
    """Make a bucket of a name that no other test has; return the place of a lake in it."""
    name = f"fleet-{os.getpid()}-{next(_names)}"
    httpx2.put(f"{endpoint}/{name}", timeout=30.0).raise_for_status()
    return f"s3://{name}/lake"


def environment(endpoint: str) -> dict[str, str]:
    """Return the variables by which a client finds the server."""
    return {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}
