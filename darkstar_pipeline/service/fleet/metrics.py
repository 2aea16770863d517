"""Metrics of a fleet's service for Prometheus, beside those of its requests; none names a home or a tenant."""

from datetime import datetime

from prometheus_client import Gauge

from darkstar_pipeline.service.fleet.directory import NO_PLAN, PLANNED, STALE, Directory, counts
from darkstar_pipeline.service.fleet.plan_shelf import PlanShelf
from darkstar_pipeline.service.http.metrics import RequestMetrics


class FleetMetrics(RequestMetrics):
    """The metrics of a fleet's service."""

    def __init__(self) -> None:
        super().__init__()
        self.homes = Gauge(
            "darkstar_fleet_homes", "Homes by the state of their plans", ("state",), registry=self.registry
        )
        self.problems = Gauge(
            "darkstar_fleet_problems", "Homes without a newer plan", ("reason",), registry=self.registry
        )
        self.sources = Gauge(
            "darkstar_fleet_sources", "Homes with a plan by its source", ("source",), registry=self.registry
        )
        self.obstacles = Gauge(
            "darkstar_fleet_obstacles", "Homes whose version in use did not plan", ("reason",), registry=self.registry
        )
        self.age = Gauge("darkstar_fleet_plan_age_seconds", "Age of the newest plan", registry=self.registry)
        self.oldest = Gauge("darkstar_fleet_oldest_plan_seconds", "Age of the oldest plan", registry=self.registry)

    def measure(self, directory: Directory, shelf: PlanShelf, now: datetime) -> None:
        """Set the gauges to what is so at a moment."""
        rows = directory.overview(None, now)
        for state in (PLANNED, STALE, NO_PLAN):
            self.homes.labels(state).set(int((rows["state"] == state).sum()))
        for gauge, column in ((self.problems, "problem"), (self.sources, "source"), (self.obstacles, "obstacle")):
            gauge.clear()
            for name, count in counts(rows[column]).items():
                gauge.labels(name).set(count)
        oldest, newest = rows["created_at"].min(), shelf.newest()
        for gauge, made in ((self.oldest, oldest), (self.age, newest)):
            gauge.set((now - made).total_seconds() if isinstance(made, datetime) else float("inf"))
