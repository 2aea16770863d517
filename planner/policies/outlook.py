"""The forecast outlook of days: what the policy `value` goes by in every slot, worked out beforehand.

Readings do not depend on what the battery does, so neither do scenario weights and corrections. Nothing in the outlook
knows a slot's own load or PV before the slot is over.
"""

import numpy as np

from env.gym.episodes import Outlook
from env.inverter import Energy
from env.simulator import World
from env.site import Site
from planner.care.soc_targets import SocTargets
from planner.policies.value_policy import ValueDays
from planner.value.scenario_weights import NAIVE, WeightRules
from planner.value.scenarios import Scenarios


def day_outlook(
    world: World,
    scenarios: Scenarios,
    site: Site,
    end_value: Energy,
    *,
    rules: WeightRules = NAIVE,
    targets: SocTargets | None = None,
) -> Outlook:
    """Return what is expected at the start of every slot of days with equally many slots.

    Args:
        world: readings of the days; for each slot only those before it are used.
        scenarios: scenarios of the days, as known when they began.
        site: battery and limits.
        end_value: value of stored energy at the days' ends, on an even grid `(n_days, n_soc)` [money].
        rules: how scenarios are weighted and followed.
        targets: reserve and care of the days, which are then part of the value of stored energy; None for none.
    """
    days = ValueDays(
        site=site,
        scenarios=scenarios,
        import_price=world.import_price,
        export_price=world.export_price,
        end_value=end_value,
        rules=rules,
        targets=targets,
    )
    expected = [
        days.observe(slot, *((world.load_kwh[:, slot - 1], world.pv_kwh[:, slot - 1]) if slot > 0 else (None, None)))
        for slot in range(world.load_kwh.shape[1])
    ]
    load, pv, weight, value = (np.stack(tables, axis=1) for tables in zip(*expected, strict=True))
    return Outlook(load_kwh=load, pv_kwh=pv, weight=weight, value=value)
