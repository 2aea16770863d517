"""The result of a reader: accepted rows, refused rows with file, row and reason, and notes.

A check is an expression that yields a reason or null; the first reason of a row counts. Rows may be of several homes
(`env.home_rows`): each is then judged by its own rows, as if it were alone.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.remarks import no_remarks
from env.home_rows import ALONE, HOME, by_home, per_home, with_home
from env.time_grid import SLOT_DTYPE
from planner.wording.columns import worded

ROW = "_row"
REASON = "_reason"
_KINDS_SHOWN = 4
REJECT_SCHEMA = pl.Schema(
    {
        "file": pl.String(),
        "row": pl.Int64(),
        "reason": pl.String(),
        "raw": pl.String(),
        "slot_start": SLOT_DTYPE,
        "quantity": pl.String(),
    }
)


Refused = Mapping[str, DataRefusedError]
"""Homes that are refused as a whole, each with the reason; a home whose rows carry no name is `ALONE`."""


def raise_refusal(refused: Refused) -> None:
    """Refuse the file of a home alone, if its home is.

    Raises:
        DataRefusedError: the reason.
    """
    for error in refused.values():
        raise error


def no_rejects() -> pl.DataFrame:
    """An empty frame of refused rows."""
    return pl.DataFrame(schema=REJECT_SCHEMA)


@dataclass(frozen=True, kw_only=True)
class ReadAs:
    """The way in which a quantity was read, which is stored beside it.

    Attributes:
        quantity: column of the readings, soc_percent or price.
        format: what the file was recognised as.
        sensor: sensor or column in it; empty where the file has one of each.
        unit: unit as stated, or by size.
        treatment: how its values were converted, in sentences; empty where they were taken as they are.
    """

    quantity: str
    format: str
    sensor: str
    unit: str
    treatment: str = ""


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """The outcome of reading one file or one export.

    Attributes:
        rows: accepted rows; their columns are the reader's.
        rejects: refused rows `[file, row, reason, raw, slot_start, quantity]`; `row` counts data rows from 1, `raw` is
            the row as JSON; an instant that cannot be read is null, and so is the quantity of a whole row.
        rows_read: data rows in the file.
        notes: remarks for the person who imports.
        read_as: how each quantity was read.
        remarks: readings that are altered or left out though their row is accepted, see `remarks`.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    rows_read: int
    notes: tuple[str, ...] = ()
    read_as: tuple[ReadAs, ...] = ()
    remarks: pl.DataFrame = field(default_factory=no_remarks)

    def noting(self, *notes: str) -> "Parsed":
        """Return the same result with further notes; empty ones are left out."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))


@dataclass(frozen=True, kw_only=True)
class ParsedHomes:
    """The outcome of reading the rows of homes; frames carry `site`.

    Attributes:
        rows: accepted rows, by home and slot.
        rejects: refused rows of homes that are not refused as a whole, see `Parsed`.
        refused: homes that are refused as a whole.
        notes: remarks for the person who imports, `[site, note]`; a home's in the order in which they are told.
        read_as: how each quantity was read.
        remarks: readings that are altered or left out though their row is accepted, see `remarks`.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    refused: Refused
    notes: pl.DataFrame
    read_as: tuple[ReadAs, ...]
    remarks: pl.DataFrame


def numbered(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with its data rows numbered from 1 and no reason against any of them."""
    return frame.with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW), pl.lit(None, dtype=pl.String).alias(REASON)
    )


def object_to(frame: pl.DataFrame, checks: Iterable[pl.Expr]) -> pl.DataFrame:
    """Apply checks in order; a row keeps its first reason for refusal."""
    return frame.with_columns(pl.coalesce(pl.col(REASON), *checks).alias(REASON))


def reason_if(condition: pl.Expr, reason: pl.Expr) -> pl.Expr:
    """Return a check that gives the reason where the condition holds."""
    return pl.when(condition).then(reason).otherwise(None)


def rejects_of(checked: pl.DataFrame, raw: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return the refused rows of `checked`, each with its content as in the file; of several homes also `site`.

    Args:
        checked: frame with `_row`, `_reason` and, where it is known, `slot_start`.
        raw: the file's rows in the file's order, row 1 first.
        file: name that is reported.
    """
    instant = pl.col("slot_start") if "slot_start" in checked.columns else pl.lit(None).alias("slot_start")
    refused = checked.filter(pl.col(REASON).is_not_null())
    bad = refused.select(*by_home(checked, ROW), REASON, instant.cast(SLOT_DTYPE)).sort(ROW)
    names = by_home(checked, *REJECT_SCHEMA.names())
    if bad.is_empty():
        return no_rejects() if HOME not in names else with_home(no_rejects()).select(names)
    texts = raw[(bad[ROW] - 1).to_list()].select(pl.struct(pl.all()).struct.json_encode().alias("raw"))
    named = bad.rename({ROW: "row", REASON: "reason"}).hstack(texts)
    return named.with_columns(pl.lit(file).alias("file"), pl.lit(None, pl.String).alias("quantity")).select(names)


def refused_notes(rejects: pl.DataFrame, file: str) -> pl.DataFrame:
    """Return a note a home that counts its refused rows by the kind of reason: `site`, `note`.

    Reasons that differ only in their numbers are one kind, shown by its first.
    """
    kind = pl.col("reason").str.replace_all(r"[0-9][0-9.:TZ+-]*", "0")
    kinds = (
        with_home(rejects)
        .group_by(HOME, kind.alias("_kind"), maintain_order=True)
        .agg(pl.len(), pl.col("reason").first())
    )
    shown = worded("{} × {}", "len", "reason").head(_KINDS_SHOWN).str.join("; ")
    return (
        kinds.group_by(HOME, maintain_order=True)
        .agg(pl.col("len").sum(), shown.alias("shown"))
        .select(HOME, worded("{}: {} rows were refused: {}", pl.lit(file), "len", "shown").alias("note"))
    )


def refused_note(rejects: pl.DataFrame, file: str) -> str:
    """Return a home's `refused_notes`; empty where no row was refused."""
    return "".join(refused_notes(rejects, file)["note"])


def refuse_if_mostly_bad(parsed: Parsed, file: str, *, kept_at: str) -> None:
    """Refuse a file of one home by `mostly_bad`.

    Raises:
        DataRefusedError: more than half of the rows, or every row, is bad.
    """
    read = pl.DataFrame({HOME: [ALONE], "rows": [parsed.rows_read]})
    raise_refusal(mostly_bad(parsed.rows, parsed.rejects, read, file, kept_at=kept_at))


def mostly_bad(rows: pl.DataFrame, rejects: pl.DataFrame, read: pl.DataFrame, file: str, *, kept_at: str) -> Refused:
    """Return the homes most of whose rows were refused: they probably hold something else.

    Args:
        rows: accepted rows.
        rejects: refused rows.
        read: the number of `rows` that each `site` has in the file.
        file: name that is reported.
        kept_at: where the refused rows are.
    """
    first = [pl.col("row").first(), pl.col("reason").first()]
    counts = per_home(rejects, pl.len().alias("bad"), *first).join(read, on=HOME)
    empty = ~pl.col(HOME).is_in(with_home(rows)[HOME].unique().implode())
    refused = dict[str, DataRefusedError]()
    for home, bad, row, reason, of in counts.filter(empty | (pl.col("bad") * 2 > pl.col("rows"))).iter_rows():
        message = f"{file}: {bad} of {of} rows are bad; the first is row {row}: {reason}"
        hint = f"fix the file and import it again; the refused rows are in {kept_at}"
        refused[home] = DataRefusedError(message, hint)
    return refused
