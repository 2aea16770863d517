"""Home Assistant's own Nord Pool integration: what its action is called, and whether it is set up."""

from darkstar_pipeline.home_assistant_api.socket import HomeAssistantSocket, RefusedQuestionError

NORD_POOL, PRICES_ACTION = "nordpool", "get_prices_for_date"


def gives_prices(socket: HomeAssistantSocket) -> bool:
    """Return whether the integration is set up; another one of the same name has no such action."""
    try:
        return PRICES_ACTION in socket.actions().get(NORD_POOL, {}) and bool(socket.config_entries(NORD_POOL))
    except RefusedQuestionError:
        return False  # the token may not ask
