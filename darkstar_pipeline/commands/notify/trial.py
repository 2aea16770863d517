"""`darkstar notify test`: a message by every channel, to see whether it arrives."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from darkstar_pipeline.console.call import Call
from darkstar_pipeline.console.output import Document, draw_table
from darkstar_pipeline.errors import ConfigurationError, DarkstarError, ExitCode
from planner.wording.messages import phrase, translated

if TYPE_CHECKING:
    from darkstar_pipeline.channels.channel import Channel, Message

PURPOSE = "Try the ways in which a person is told what is broken."
_HEADINGS = {"channel": "channel", "told": "told", "reason": "reason", "remedy": "what to do"}


def trial(
    call: Call,
    *,
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="NAME", help="Only this one: home_assistant, webhook or email.")
    ] = None,
) -> Document:
    """Send a message by every channel of the site, to see whether it arrives.

    It ends with 5 where a channel does not take it.
    """
    from darkstar_pipeline.channels.channel import Message

    context = call.context()
    text = phrase(
        "This is a trial: you are told by this way what is broken at {site}, and what is mended.",
        site=context.site_name,
    )
    title = translated(phrase("Darkstar: a trial"))
    message = Message(site=context.site_name, cause="trial", state="trial", title=title, text=translated(text))
    rows = [_told(one, message) for one in _chosen(call, channel)]
    document = {"site": context.site_name, "channels": rows}
    code = ExitCode.DONE if all(row["told"] for row in rows) else ExitCode.OUTSIDE
    return Document(document, lambda out: draw_table(out, rows, _HEADINGS), code)


def _chosen(call: Call, name: str | None) -> "list[Channel]":
    """Return the channels to try.

    Raises:
        ConfigurationError: there is none, or none of that name.
    """
    from darkstar_pipeline.channels.configured import channels_of

    context = call.context()
    every = list(channels_of(context.site_settings))
    if not every:
        raise ConfigurationError(
            f"{context.site_name} names no way to tell anybody",
            "set `notifications` in darkstar.yaml: docs/sources.md shows how",
        )
    chosen = [one for one in every if name in (None, one.name)]
    if not chosen:
        named = ", ".join(one.name for one in every)
        raise ConfigurationError(f"{context.site_name} has no channel {name}; it has {named}", "name one of them")
    return chosen


def _told(channel: "Channel", message: "Message") -> dict[str, Any]:
    """Return whether a channel took a message, as a row."""
    from darkstar_pipeline.state.secrets import without_secrets

    try:
        channel.tell(message)
    except DarkstarError as error:
        reasons = {"reason": without_secrets(error.message), "remedy": without_secrets(error.hint)}
        return {"channel": channel.name, "told": False, **reasons}
    return {"channel": channel.name, "told": True, "reason": "", "remedy": ""}
