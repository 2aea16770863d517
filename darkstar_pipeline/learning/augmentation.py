"""Augmentation of the training days: a day's readings under another day's prices, and with another battery.

Readings and forecasts stay as they were; only prices and battery change, and with them the outlook, which is computed
anew. Such days are for training only, never for validation or test.
"""

from dataclasses import replace

import numpy as np
import polars as pl

from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.learning.dataset import LearningData
from env.gym.episodes import Episodes
from env.site import Site
from planner.replay.episodes import rl_episodes
from planner.value.scenario_source import ScenarioSource
from planner.value.scenario_weights import WeightRules

SIZES = (0.5, 1.0, 1.5)  # of the battery, energy and power alike
PRICES = ("import_price", "export_price")


def augmented_episodes(data: LearningData, rules: WeightRules) -> list[Episodes]:
    """Return as many days as the settings say, drawn from the training days; a set for each size of battery."""
    settings = data.context.site_settings.learning
    if settings.augmented_days == 0:
        return []
    random = np.random.default_rng(settings.seed)
    share = -(-settings.augmented_days // len(SIZES))
    return [_with_battery_size(data, rules, size, share, random) for size in SIZES]


def _with_battery_size(
    data: LearningData, rules: WeightRules, size: float, n_days: int, random: np.random.Generator
) -> Episodes:
    """Return days drawn without repetition, each under prices of another one of equal length."""
    chosen = pl.Series(data.windows.train, dtype=pl.Date)
    slots = data.inputs.slots.filter(pl.col("local_day").is_in(chosen.implode())).sort("slot_start")
    days = slots.partition_by("local_day", maintain_order=True)
    picked = random.permutation(len(days))[:n_days]
    paired = [with_other_prices(days, int(own), random) for own in sorted(picked.tolist())]
    site = resized(data.context.site, size)
    protocol = protocol_of(data.context.site_settings, data.context.site.battery)
    battery, usual = site.battery, data.context.site.battery
    span = usual.max_soc_kwh - usual.min_soc_kwh
    share = (protocol.start_soc_kwh - usual.min_soc_kwh) / span if span > 0 else 0.0
    start = battery.min_soc_kwh + share * (battery.max_soc_kwh - battery.min_soc_kwh)
    source = ScenarioSource(history=data.inputs.history, rules=rules, forecast_scenarios=data.aurora_scenarios)
    return rl_episodes(
        pl.concat(paired), data.inputs.forecasts, site, replace(protocol, start_soc_kwh=start), history=source
    )


def with_other_prices(days: list[pl.DataFrame], own: int, random: np.random.Generator) -> pl.DataFrame:
    """Return a day with the prices of a day drawn among those of equal length."""
    alike = [place for place, day in enumerate(days) if day.height == days[own].height]
    other = days[alike[int(random.integers(len(alike)))]]
    return days[own].with_columns(other.select(PRICES))


def resized(site: Site, size: float) -> Site:
    """Return the site with a battery of another size; limits of the connection stay."""
    return replace(site, battery=site.battery.scaled(size))
