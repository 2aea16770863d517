"""The reason and the sentence of a slot, from the facts about it (`planner.plans.explanations`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from env.inverter import slot_limit
from env.time_grid import SLOT, SLOT_HOURS
from planner.plans.counterfactuals import IdleSlot
from planner.plans.energy_uses import KEPT, UNKNOWN
from planner.plans.task import PlanTask
from planner.tolerances import SAME_COST_SHOWN, VISIBLE_KWH
from planner.value.end_of_prices import FORECAST, SETTLEMENT
from planner.wording.messages import joined, phrase
from planner.wording.values import LEAST_SHOWN, Words, energy, power

PRICE_TOLERANCE = 1e-6  # money/kWh


@dataclass(frozen=True, kw_only=True)
class BatterySlot:
    """One battery of several in a slot; energies [kWh].

    Attributes:
        number: from 1 on; 1 is the one that takes commands.
        charge: charged.
        discharge: discharged.
        spare: stored at the end above its minimum or reserve.
        empty: whether it is at its minimum at the end.
        full: whether it is full then.
        used_at: index of the slot that uses the energy stored in this one, `KEPT` or `UNKNOWN`.
    """

    number: int
    charge: float
    discharge: float
    spare: float
    empty: bool
    full: bool
    used_at: int


@dataclass(frozen=True, kw_only=True)
class SlotContext:
    """The facts about one slot that explanations are made of; energies [kWh], prices and values [money/kWh].

    Of several batteries, energies and levels are of all together, values, use and idling of the first one.

    Attributes:
        reason: reason by the flows alone (`reasons`).
        surplus: PV above the house's draw, movable loads included.
        deficit: the house's draw above PV, movable loads included.
        keeping_value: marginal value of a kWh kept in the battery instead of delivered now; None if unknown.
        storing_value: marginal value of a kWh charged now; None if unknown.
        used_at: index of the slot that uses the energy stored in this one, `KEPT` or `UNKNOWN`.
        idle: effect of leaving the battery idle in this slot; None if unknown.
        charge_kept_off: what the month's demand charge would rise by without the discharge in this slot [money].
        batteries: each of several; empty for one battery.
    """

    index: int
    starts: datetime
    reason: str
    import_price: float
    export_price: float
    surplus: float
    deficit: float
    charge: float
    discharge: float
    imported: float
    exported: float
    curtailed: float
    empty: bool
    reserved: bool
    full: bool
    keeping_value: float | None
    storing_value: float | None
    used_at: int
    idle: IdleSlot | None
    charge_kept_off: float
    batteries: tuple[BatterySlot, ...] = ()


class SlotSentences:
    """Builds reason and sentence of one slot after the other.

    Args:
        task: the planning task.
        discharge_price: price of a discharged kWh in each slot [money/kWh].
        starts: start of each slot.
        kept_value: value of the last kWh that is left at the end [money/kWh].
    """

    def __init__(self, task: PlanTask, discharge_price: list[float], starts: list[datetime], kept_value: float) -> None:
        self.task = task
        self.words = Words(task.site.currency, task.site.timezone)
        self.discharge_price, self.starts = discharge_price, starts
        self.kept_value = kept_value
        self.fuse = slot_limit(task.site.limits.import_kw)
        self.by_reason: dict[str, Callable[[SlotContext], tuple[str, str]]] = {
            "charge_from_grid": self._charge,
            "store_surplus": self._store,
            "sell_from_battery": self._sell_stored,
            "cover_load": self._cover,
            "curtail": self._curtail,
            "sell_surplus": self._sell_surplus,
            "hold": self._hold,
        }

    def explain(self, slot: SlotContext) -> tuple[str, str]:
        """Return reason and sentence."""
        reason, text = self.by_reason[slot.reason](slot)
        use = self._use_clause(slot) if slot.charge > VISIBLE_KWH else ""
        return reason, joined("; ", [part for part in (text, use, self._idle_clause(slot)) if part])

    def _idle_clause(self, slot: SlotContext) -> str:
        """Return the clause on the cost of doing nothing."""
        idle = slot.idle
        return "" if idle is None or max(slot.charge, slot.discharge) <= VISIBLE_KWH else self._idle_words(idle)

    def _idle_words(self, idle: IdleSlot) -> str:
        """Return what doing nothing costs in words."""
        if idle.extra_cost is None:
            if idle.risks_fuse:
                return phrase("doing nothing here risks the fuse")
            return phrase("doing nothing here would miss what is asked for")
        if idle.over_fuse_kwh > LEAST_SHOWN:
            return phrase("doing nothing here exceeds the fuse by {energy}", energy=energy(idle.over_fuse_kwh))
        if idle.extra_cost < SAME_COST_SHOWN:
            return phrase("doing nothing here costs the same")
        if idle.extra_cost < LEAST_SHOWN:
            least = self.words.money(2 * LEAST_SHOWN)
            return phrase("doing nothing here costs less than {money} more", money=least)
        return phrase("doing nothing here costs {money} more", money=self.words.money(idle.extra_cost))

    def _use_clause(self, slot: SlotContext) -> str:
        """Return the clause on the later use of the stored energy."""
        if slot.used_at == UNKNOWN:
            return ""
        if slot.used_at == KEPT:
            return self._kept_clause(slot)
        return self._used_clause(slot, slot.used_at)

    def _used_clause(self, slot: SlotContext, used_at: int) -> str:
        """Return the clause on the slot that uses the stored energy."""
        when = self.words.clock(self.starts[used_at], slot.starts)
        price = self.words.price(self.discharge_price[used_at])
        return phrase("used at {time} for {price}", time=when, price=price)

    def _kept_clause(self, slot: SlotContext) -> str:
        """Return the clause on energy that nothing planned uses: what it is kept for, and its worth there."""
        if self.task.end.return_soc_kwh is not None:
            return phrase("kept for the end")
        worth = self.words.price(self.kept_value)
        if self.task.end.basis == SETTLEMENT:
            return phrase("kept for the end, worth {price}", price=worth)
        day = self.words.day(self.starts[-1] + SLOT, slot.starts)
        if self.task.end.basis == FORECAST:
            return phrase("kept for {day}, worth {price} by the forecast of its prices", day=day, price=worth)
        return phrase("kept for {day}, worth {price} as on the last days", day=day, price=worth)

    def _charge(self, slot: SlotContext) -> tuple[str, str]:
        price = self.words.price(abs(slot.import_price))
        values = {"energy": energy(slot.charge), "pv": energy(slot.surplus), "price": price}
        with_pv = slot.surplus > LEAST_SHOWN
        if slot.import_price < 0:
            if with_pv:
                return "paid_to_charge", phrase("charges {energy} ({pv} from PV) and is paid {price}", **values)
            return "paid_to_charge", phrase("charges {energy} and is paid {price}", **values)
        if with_pv:
            return "charge_from_grid", phrase("charges {energy} ({pv} from PV) at {price}", **values)
        return "charge_from_grid", phrase("charges {energy} at {price}", **values)

    def _store(self, slot: SlotContext) -> tuple[str, str]:
        stored, price = energy(slot.charge), self.words.price(abs(slot.export_price))
        if slot.export_price < 0:
            sentence = phrase("stores {energy} of sun that would cost {price} to sell", energy=stored, price=price)
        else:
            sentence = phrase("stores {energy} of sun that would sell at {price}", energy=stored, price=price)
        return "store_surplus", sentence

    def _sell_stored(self, slot: SlotContext) -> tuple[str, str]:
        return "sell_from_battery", self._with_keeping(self._sold(slot), slot)

    def _sold(self, slot: SlotContext) -> str:
        """Return in words what is sold of the stored energy."""
        values = {
            "energy": energy(slot.discharge - slot.deficit),
            "load": energy(slot.deficit),
            "price": self.words.price(slot.export_price),
        }
        if slot.deficit > LEAST_SHOWN:
            return phrase("sells {energy} from the battery, after covering {load} of load, at {price}", **values)
        return phrase("sells {energy} from the battery at {price}", **values)

    def _cover(self, slot: SlotContext) -> tuple[str, str]:
        at_fuse = slot.imported >= self.fuse - LEAST_SHOWN
        pays = self._pays(slot, at_fuse=at_fuse)
        covered, price = energy(slot.discharge), self.words.price(slot.import_price)
        sentence = phrase("covers {energy} of load at {price}", energy=covered, price=price)
        if pays:
            return "cover_load", self._with_keeping(sentence, slot)
        if at_fuse or (slot.idle is not None and slot.idle.over_fuse_kwh > LEAST_SHOWN):
            limit_kw = power(self.fuse / SLOT_HOURS)
            return "keep_under_fuse", phrase(
                "covers {energy} of load to stay within the fuse of {power}", energy=covered, power=limit_kw
            )
        if slot.charge_kept_off > LEAST_SHOWN:
            spared = self.words.money(slot.charge_kept_off)
            return "keep_under_peak", phrase(
                "covers {energy} of load to keep the month's peak down, which spares {money}",
                energy=covered,
                money=spared,
            )
        return "cover_load", sentence

    def _pays(self, slot: SlotContext, *, at_fuse: bool) -> bool:
        """Return whether covering load pays against keeping the energy."""
        return not at_fuse if slot.keeping_value is None else slot.import_price >= slot.keeping_value - PRICE_TOLERANCE

    def _with_keeping(self, sentence: str, slot: SlotContext) -> str:
        """Return a sentence with the value of keeping the energy, where it is known."""
        if slot.keeping_value is None:
            return sentence
        return joined(
            "; ", [sentence, phrase("keeping it is worth {price}", price=self.words.price(slot.keeping_value))]
        )

    def _curtail(self, slot: SlotContext) -> tuple[str, str]:
        unused = energy(slot.curtailed)
        if slot.export_price < 0 and self.task.site.limits.curtailable:
            costs = self.words.price(-slot.export_price)
            return "curtail", phrase(
                "leaves {energy} of sun unused, since selling it would cost {price}", energy=unused, price=costs
            )
        return "curtail", phrase("leaves {energy} of sun unused, which grid and inverter cannot take", energy=unused)

    def _sell_surplus(self, slot: SlotContext) -> tuple[str, str]:
        sold, price = energy(slot.exported), self.words.price(slot.export_price)
        sentence = phrase("sells {energy} of sun at {price}", energy=sold, price=price)
        why = self._why_sold(slot)
        return "sell_surplus", joined("; ", [sentence, why]) if why else sentence

    def _why_sold(self, slot: SlotContext) -> str:
        """Return why surplus is sold and not stored; empty where that is not known."""
        if slot.full:
            return phrase("the battery is full")
        if slot.storing_value is None:
            return ""
        return phrase("storing it is worth {price}", price=self.words.price(slot.storing_value))

    def _hold(self, slot: SlotContext) -> tuple[str, str]:
        if slot.imported <= VISIBLE_KWH:
            return "hold", phrase("nothing to cover and nothing to store")
        bought, price = energy(slot.imported), self.words.price(slot.import_price)
        reason, why = self._why_held(slot)
        return reason, joined("; ", [phrase("buys {energy} at {price}", energy=bought, price=price), *why])

    def _why_held(self, slot: SlotContext) -> tuple[str, list[str]]:
        """Return the reason why the battery does not cover what is bought, and its clauses."""
        if slot.empty:
            empty = phrase("the battery is empty")
            if slot.storing_value is None:
                return "hold", [empty]
            value = self.words.price(slot.storing_value)
            return "hold", [empty, phrase("storing a kWh now is worth {price}", price=value)]
        if slot.reserved:
            return "hold", [phrase("what is stored is kept for outages")]
        if slot.keeping_value is None:
            return "hold", []
        if slot.keeping_value >= slot.import_price - PRICE_TOLERANCE:
            worth = self.words.price(slot.keeping_value)
            return "keep_for_later", [phrase("keeping the stored energy is worth {price}", price=worth)]
        return "limited", [phrase("a limit keeps the battery from covering it")]
