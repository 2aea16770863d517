"""The JSON of the plan in force, serialised once for all requests in a language."""

from darkstar_pipeline.service.schemas.plans import PlanDocument
from planner.wording.languages import Language, spoken


class PlanAnswers:
    """The last plan that was asked for, as JSON by language."""

    def __init__(self) -> None:
        self._kept: tuple[PlanDocument | None, dict[Language, bytes]] = (None, {})

    def json(self, plan: PlanDocument) -> bytes:
        """Return a plan in the language that is spoken, without what is so only at the moment of an answer."""
        kept, answers = self._kept
        if kept is not plan:
            answers = dict[Language, bytes]()
            self._kept = plan, answers
        language = spoken()
        if language not in answers:
            answers[language] = plan.model_dump_json(exclude={"steering"}).encode()
        return answers[language]
