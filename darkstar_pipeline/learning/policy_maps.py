"""Map of a policy: the mean power of its commands over some days, by state of charge and price."""

from collections.abc import Sequence
from datetime import date

import numpy as np

from darkstar_pipeline.context import Context
from darkstar_pipeline.datasets.replay_inputs import protocol_of
from darkstar_pipeline.pictures.learning import policy_map_png
from darkstar_pipeline.policies.trained import TrainedPolicy
from env.gym.episodes import Episodes
from env.inverter import Energy, apply_command
from env.time_grid import SLOT_HOURS
from planner.policies.learned_days import LearnedDays
from planner.replay.episodes import equal_days, slots_by_length
from planner.value.scenario_source import ScenarioSource

SOC_ROWS, PRICE_COLUMNS = 21, 24
MAP_DAYS = 14


def policy_map(context: Context, trained: TrainedPolicy, days: Sequence[date]) -> bytes:
    """Return the map of a policy on the last of some days, as PNG.

    The policy decides in every slot of the days at every state of charge; the battery power there is averaged over the
    slots whose import price falls into a column.
    """
    chosen = list(days)[-MAP_DAYS:]
    found = trained.inputs(context, chosen)
    source = ScenarioSource(
        history=found.history,
        rules=trained.policy.weight_rules,
        forecast_scenarios=trained.own_scenarios(context, chosen),
    )
    part = max(slots_by_length(found.slots, found.forecasts, context.site), key=len)
    episodes = equal_days(part, source, context.site, protocol_of(context.site_settings, context.site.battery))
    battery = context.site.battery
    socs = np.linspace(battery.min_soc_kwh, battery.max_soc_kwh, SOC_ROWS)
    moved = _battery_kw(context, trained, episodes, socs)
    price = episodes.import_price.ravel()
    edges = np.unique(np.quantile(price, np.linspace(0, 1, PRICE_COLUMNS + 1)))
    place = np.clip(np.searchsorted(edges, price, side="right") - 1, 0, max(len(edges) - 2, 0))
    columns = np.unique(place)
    table = np.stack([moved[:, place == column].mean(axis=1) for column in columns], axis=1)
    return policy_map_png(
        table,
        100 * socs / battery.capacity_kwh,
        np.array([price[place == column].mean() for column in columns]),
        title=f"{trained.policy.manifest.kind} on {len(episodes)} days, site {context.site_name}",
        currency=context.site_settings.currency,
    )


def _battery_kw(context: Context, trained: TrainedPolicy, episodes: Episodes, socs: Energy) -> Energy:
    """Return the charging power, negative for discharging, by stored energy and slot `(n_soc, n_days * n_slots)` [kW].

    Every day is decided at all stored energies at once: the cost of a call hardly depends on its rows.
    """
    many = episodes.rows(np.tile(np.arange(len(episodes)), len(socs)))
    days, stored = LearnedDays(trained.policy, many), np.repeat(socs, len(episodes))
    power_kw: list[Energy] = []
    for slot in range(many.width):
        flows = apply_command(
            days.command(slot, stored),
            load_kwh=many.load_kwh[:, slot],
            pv_kwh=many.pv_kwh[:, slot],
            soc_kwh=stored,
            export_price=many.export_price[:, slot],
            battery=context.site.battery,
            limits=context.site.limits,
        )
        power_kw.append((flows.charge_kwh - flows.discharge_kwh) / SLOT_HOURS)
    return np.stack(power_kw, axis=1).reshape(len(socs), -1)
