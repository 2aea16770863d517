"""The reason and the sentence of a slot of a home with several batteries: all together, and what each does."""

from planner.plans.energy_uses import KEPT, UNKNOWN
from planner.plans.sentences.slots import PRICE_TOLERANCE, BatterySlot, SlotContext, SlotSentences
from planner.tolerances import VISIBLE_KWH
from planner.wording.messages import joined, phrase
from planner.wording.values import LEAST_SHOWN, energy


class SeveralSentences(SlotSentences):
    """Builds reason and sentence of slots in which several batteries stand behind the house.

    The marginal values are those of the first battery, so that they are told of it alone.
    """

    def explain(self, slot: SlotContext) -> tuple[str, str]:
        """Return reason and sentence."""
        reason, text = self.by_reason[slot.reason](slot)
        moving = [each for each in slot.batteries if max(each.charge, each.discharge) > VISIBLE_KWH]
        return reason, joined("; ", [text, *(self._of(each, self._does(slot, each)) for each in moving)])

    @staticmethod
    def _of(each: BatterySlot, clause: str) -> str:
        """Return a clause on one battery."""
        return phrase("battery {number}: {clause}", number=each.number, clause=clause)

    def _does(self, slot: SlotContext, each: BatterySlot) -> str:
        """Return what one battery takes or gives, and what that is worth."""
        parts: list[str] = []
        if each.charge > VISIBLE_KWH:
            parts += [phrase("takes {energy}", energy=energy(each.charge)), self._use(slot, each)]
        if each.discharge > VISIBLE_KWH:
            parts.append(phrase("gives {energy}", energy=energy(each.discharge)))
            if each.number == 1 and slot.keeping_value is not None:
                parts.append(phrase("keeping it is worth {price}", price=self.words.price(slot.keeping_value)))
        if each.number == 1 and slot.idle is not None:
            parts.append(self._idle_words(slot.idle))
        return joined(", ", [part for part in parts if part])

    def _use(self, slot: SlotContext, each: BatterySlot) -> str:
        """Return the clause on the later use of what one battery stores."""
        if each.used_at == UNKNOWN:
            return ""
        if each.used_at == KEPT:
            return self._kept_clause(slot) if each.number == 1 else phrase("kept for the end")
        return self._used_clause(slot, each.used_at)

    def _pays(self, slot: SlotContext, *, at_fuse: bool) -> bool:
        """Return whether covering load pays; where the first battery gives nothing, its values say nothing of it."""
        return not at_fuse if slot.batteries[0].discharge <= VISIBLE_KWH else super()._pays(slot, at_fuse=at_fuse)

    def _with_keeping(self, sentence: str, slot: SlotContext) -> str:
        """Return the sentence as it is: what keeping is worth is told of the battery."""
        del slot
        return sentence

    def _sold(self, slot: SlotContext) -> str:
        values = {
            "energy": energy(slot.discharge - slot.deficit),
            "load": energy(slot.deficit),
            "price": self.words.price(slot.export_price),
        }
        if slot.deficit > LEAST_SHOWN:
            return phrase("sells {energy} from the batteries, after covering {load} of load, at {price}", **values)
        return phrase("sells {energy} from the batteries at {price}", **values)

    def _why_sold(self, slot: SlotContext) -> str:
        if slot.full:
            return phrase("the batteries are full")
        first = slot.batteries[0]
        if slot.storing_value is None or first.full:
            return ""
        return self._of(first, phrase("storing it is worth {price}", price=self.words.price(slot.storing_value)))

    def _hold(self, slot: SlotContext) -> tuple[str, str]:
        if slot.imported <= VISIBLE_KWH and any(each.discharge > VISIBLE_KWH for each in slot.batteries):
            return "hold", phrase("one battery takes from another, the house nothing from the grid")
        return super()._hold(slot)

    def _why_held(self, slot: SlotContext) -> tuple[str, list[str]]:
        """Return the reason why the batteries do not cover what is bought, and its clauses."""
        first = slot.batteries[0]
        if slot.empty:
            return "hold", [phrase("the batteries are empty"), *self._storing(slot, first)]
        if slot.reserved:
            return "hold", [phrase("what is stored is kept for outages")]
        if slot.keeping_value is None:
            return "hold", []
        kept = [self._of(each, phrase("keeps {energy}", energy=energy(each.spare))) for each in slot.batteries[1:]]
        if first.spare <= LEAST_SHOWN:
            empty = phrase("it is empty") if first.empty else phrase("what is stored is kept for outages")
            return "keep_for_later", [self._of(first, empty), *kept]
        if slot.keeping_value >= slot.import_price - PRICE_TOLERANCE:
            worth = self.words.price(slot.keeping_value)
            own = self._of(first, phrase("keeping the stored energy is worth {price}", price=worth))
            return "keep_for_later", [own, *kept]
        return "limited", [phrase("a limit keeps the batteries from covering it")]

    def _storing(self, slot: SlotContext, first: BatterySlot) -> list[str]:
        """Return the clause on what storing a kWh in the first battery is worth; none where that is not known."""
        if slot.storing_value is None:
            return []
        value = self.words.price(slot.storing_value)
        return [self._of(first, phrase("storing a kWh now is worth {price}", price=value))]
