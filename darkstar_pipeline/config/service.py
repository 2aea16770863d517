"""Settings of the planner service."""

from pathlib import Path

from pydantic import Field

from darkstar_pipeline.config.base import Frozen


class ServiceSettings(Frozen):
    """The planner service (`darkstar serve`)."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on (default: loopback only)")
    port: int = Field(default=8420, ge=1, le=65_535, description="port to listen on")
    allowed_hosts: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "::1"),
        description="host names that requests may address (the Host header); *: any",
    )
    token_file: Path | None = Field(
        default=None,
        description="file with the token, readable by its owner alone; null: service/token, created if missing",
    )
    requests_per_second: float = Field(
        default=300.0, gt=0, description="maximum request rate of a client, over ten seconds [1/s]"
    )
    body_bytes: int = Field(default=65_536, ge=1024, description="maximum size of a request body [B]")
    connections: int = Field(
        default=512, ge=8, le=60_000, description="maximum number of open connections; a new one replaces an idle one"
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(),
        description="addresses of reverse proxies whose X-Forwarded-For and -Proto are believed; empty: none",
    )
    poll_seconds: float = Field(
        default=5.0, gt=0, le=30, description="interval of the checks for new data, champion and settings [s]"
    )
    solver_seconds: float = Field(default=10.0, gt=0, le=120, description="time limit of each solver for a plan [s]")
    plan_seconds: float = Field(
        default=60.0, ge=1, le=600, description="time limit of a plan as a whole, all its sources together [s]"
    )
    soc_stale_minutes: int = Field(
        default=30, ge=5, le=1440, description="age from which a reading of the state of charge is stale [min]"
    )
    forecast_stale_hours: int = Field(default=36, ge=1, le=720, description="age from which a forecast is stale [h]")
    shadows: tuple[str, ...] = Field(
        default=(), description="policies planned beside the champion, never used: value, mpc, rl, models:/NAME/3"
    )
