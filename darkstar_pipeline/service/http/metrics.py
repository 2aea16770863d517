"""Metrics of the service for Prometheus: requests, plans and their age, and the states of components."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from darkstar_pipeline.service.clock import Clock
from darkstar_pipeline.service.engine.planner_engine import PlannerEngine
from darkstar_pipeline.service.schemas.steering import STEERING_STATES, Steering
from planner.plans.fallback_chain import SOURCE_NAMES

LATENCIES = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class RequestMetrics:
    """The metrics of requests and connections, whatever is served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "darkstar_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.latency = Histogram(
            "darkstar_request_seconds", "Time to answer", ("route",), buckets=LATENCIES, registry=self.registry
        )
        self.closed = Counter(
            "darkstar_connections_closed", "Connections closed unanswered", ("reason",), registry=self.registry
        )

    def count_response(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.latency.labels(route).observe(seconds)

    def count_closed(self, reason: str) -> None:
        """Count a connection that was closed for its limits."""
        self.closed.labels(reason).inc()


class Metrics(RequestMetrics):
    """The metrics of the service of one home."""

    def __init__(self) -> None:
        super().__init__()
        self.plans = Gauge("darkstar_plans_made", "Plans made since the start", registry=self.registry)
        self.failures = Gauge(
            "darkstar_planning_failures", "Times that planning failed altogether", registry=self.registry
        )
        self.seconds = Gauge("darkstar_plan_seconds", "Time that the last plan took", registry=self.registry)
        self.age = Gauge("darkstar_plan_age_seconds", "Age of the plan in force", registry=self.registry)
        self.rung = Gauge(
            "darkstar_plan_rung", "1 for the rung of the plan in force", ("rung",), registry=self.registry
        )
        self.verified = Gauge("darkstar_plan_verified", "1 where the verifier found nothing", registry=self.registry)
        self.champion = Gauge(
            "darkstar_champion_version", "Version that plans are made with; 0 for none", registry=self.registry
        )
        self.automatic = Gauge("darkstar_automatic", "1 where automatic mode is on", registry=self.registry)
        self.steering = Gauge(
            "darkstar_steering", "1 for what the service does with its commands", ("state",), registry=self.registry
        )
        self.component = Gauge(
            "darkstar_component_ok", "1 where a component is healthy", ("component",), registry=self.registry
        )

    def render(self, engine: PlannerEngine, clock: Clock, steering: Steering) -> bytes:
        """Return all metrics as they are now, in Prometheus' text format."""
        made, failures, seconds = engine.counts
        plan, following = engine.plan(), engine.follower.state
        self.plans.set(made)
        self.failures.set(failures)
        self.seconds.set(seconds)
        self.champion.set(0 if following.model is None else following.model.version)
        self.automatic.set(float(engine.overrides.automatic))
        for part in engine.components():
            self.component.labels(part.name).set(float(part.ok))
        self.age.set((clock.now() - plan.created_at).total_seconds())
        self.verified.set(float(plan.verified))
        for state in STEERING_STATES:
            self.steering.labels(state).set(float(state == steering.state))
        for rung in SOURCE_NAMES:
            self.rung.labels(rung).set(float(rung == plan.rung))
        return generate_latest(self.registry)
