"""The result of a reader: accepted rows, refused rows with file, row and reason, and notes.

A check is an expression that yields a reason or null; the first reason of a row counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import polars as pl

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources.remarks import no_remarks
from env.time_grid import SLOT_DTYPE

ROW = "_row"
REASON = "_reason"
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
    """Return the refused rows of `checked`, each with its content as in the file.

    Args:
        checked: frame with `_row`, `_reason` and, where it is known, `slot_start`.
        raw: the file's rows in the file's order, row 1 first.
        file: name that is reported.
    """
    instant = pl.col("slot_start") if "slot_start" in checked.columns else pl.lit(None).alias("slot_start")
    bad = checked.filter(pl.col(REASON).is_not_null()).select(ROW, REASON, instant.cast(SLOT_DTYPE)).sort(ROW)
    if bad.is_empty():
        return no_rejects()
    texts = raw[(bad[ROW] - 1).to_list()].select(pl.struct(pl.all()).struct.json_encode().alias("raw"))
    named = bad.rename({ROW: "row", REASON: "reason"}).hstack(texts)
    return named.with_columns(pl.lit(file).alias("file"), pl.lit(None, pl.String).alias("quantity")).select(
        REJECT_SCHEMA.names()
    )


def refused_note(rejects: pl.DataFrame, file: str) -> str:
    """Return a note that counts the refused rows by the kind of reason; empty where none was refused.

    Reasons that differ only in their numbers are one kind, shown by its first.
    """
    if rejects.is_empty():
        return ""
    kind = pl.col("reason").str.replace_all(r"[0-9][0-9.:TZ+-]*", "0")
    kinds = rejects.group_by(kind.alias("_kind"), maintain_order=True).agg(pl.len(), pl.col("reason").first())
    shown = "; ".join(f"{count} × {reason}" for count, reason in kinds.select("len", "reason").head(4).iter_rows())
    return f"{file}: {rejects.height} rows were refused: {shown}"


def refuse_if_mostly_bad(parsed: Parsed, file: str, *, kept_at: str) -> None:
    """Refuse a file most of whose rows were refused: it probably holds something else.

    Raises:
        DataRefusedError: more than half of the rows, or every row, is bad.
    """
    count = parsed.rejects.height
    if count == 0 or (count * 2 <= parsed.rows_read and not parsed.rows.is_empty()):
        return
    first = parsed.rejects.row(0, named=True)
    message = f"{file}: {count} of {parsed.rows_read} rows are bad; the first is row {first['row']}: {first['reason']}"
    raise DataRefusedError(message, f"fix the file and import it again; the refused rows are in {kept_at}")
