"""A home with trained models: small bundles, and what their training is remembered by."""

from datetime import date
from pathlib import Path

import polars as pl

from darkstar_pipeline.config.fingerprints import tariff_version
from darkstar_pipeline.config.settings import Settings
from darkstar_pipeline.context import Context, open_context
from darkstar_pipeline.models.training_run import TrainingRun
from planner.artifacts.bundle import Bundle, Manifest, save_bundle

SITE = "home"


def context_in(home: Path, site: str = SITE) -> Context:
    """A site with the default settings, its state in a folder."""
    return open_context(site, settings=Settings.model_validate({"sites": {site: {}}}), home=home)


def bundle_in(folder: Path, context: Context, *, seed: int = 1, kind: str = "rl", tariff: str | None = None) -> Bundle:
    """A bundle that differs by its seed."""
    manifest = Manifest(
        kind=kind,
        algorithm={"rl": "ppo", "lightgbm": "dagger"}.get(kind, kind),
        state="v2",
        columns=("a", "b"),
        action="signed_power",
        reward="cost_v1",
        tariff=tariff_version(context.site_settings) if tariff is None else tariff,
    )
    return save_bundle(folder, manifest, {"weights.bin": bytes([seed]) * 64, "notes.txt": f"seed {seed}".encode()})


def training(**changes: object) -> TrainingRun:
    """A small run with something of everything."""
    plain: dict[str, object] = {
        "train": (date(2026, 1, 1), date(2026, 2, 28)),
        "validation": (date(2026, 3, 2), date(2026, 3, 15)),
        "test": (date(2026, 3, 17), date(2026, 4, 30)),
        "content_hash": "abc",
        "seeds": (1, 2),
        "params": {"p0": 0, "learning_rate": 3e-4},
        "metrics": {"captured_share": 0.985, "cost_vs_mpc": -3.5, "cost_vs_mpc_pct": -0.7, "breaches": 0.0},
        "curves": {"reward": [(step, -1.0 / (step + 1)) for step in range(12)]},
        "days": pl.DataFrame({"day": [date(2026, 3, 17)], "policy": ["rl"], "cost": [11.0]}),
        "artifacts": {"curve.png": b"png"},
    }
    return TrainingRun(**{**plain, **changes})  # pyright: ignore[reportArgumentType] - literals above
