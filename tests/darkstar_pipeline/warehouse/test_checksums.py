"""A Parquet file with checksums: no flipped bit and no cut passes, and any reader reads it."""

import io
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from darkstar_pipeline.warehouse.checksums import ChecksumError, check, check_end, parquet_bytes
from tests.builders.fleet_prices import homes_in, prices

DAY = date(2026, 3, 29)  # 92 slots
ROWS = prices(DAY, DAY, *homes_in(0, 2), price=-0.1)
DATA = parquet_bytes(ROWS, metadata={"said": "with it"})
FOOTER = int.from_bytes(DATA[-8:-4], "little") + 8
NAME = range(DATA.rindex(b"darkstar.crc32"), DATA.rindex(b"darkstar.crc32") + 16)
UNSEEN = range(NAME.start, NAME.stop + 8)
"""Name of the checksums and the one of the pages, which the end of a file says nothing of."""
bits = st.tuples(st.integers(0, len(DATA) - 1) | st.sampled_from(NAME), st.integers(0, 7))


def flipped(place: int, bit: int) -> bytes:
    return DATA[:place] + bytes([DATA[place] ^ 1 << bit]) + DATA[place + 1 :]


@given(bits)
def test_a_flipped_bit_is_refused_wherever_it_is(bit: tuple[int, int]) -> None:
    with pytest.raises(ChecksumError):
        check(flipped(*bit))


@given(st.integers(0, len(DATA) - 1))
def test_a_file_that_was_cut_off_is_refused(size: int) -> None:
    with pytest.raises(ChecksumError):
        check(DATA[:size])


@given(st.tuples(st.integers(len(DATA) - FOOTER, len(DATA) - 1).filter(lambda i: i not in UNSEEN), st.integers(0, 7)))
def test_the_end_of_a_file_tells_whether_its_footer_is_damaged(bit: tuple[int, int]) -> None:
    check_end(DATA[-FOOTER:])
    with pytest.raises(ChecksumError):
        check_end(flipped(*bit)[-FOOTER:])


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_file_is_as_before_for_any_reader(compression: str) -> None:
    data = parquet_bytes(ROWS, compression=compression, row_group_size=50)  # pyright: ignore[reportArgumentType]
    check(data)
    assert data == parquet_bytes(ROWS, compression=compression, row_group_size=50)  # pyright: ignore[reportArgumentType]
    assert pl.read_parquet(data).equals(ROWS)
    assert parquet.read_table(io.BytesIO(data)).num_rows == ROWS.height
    assert pl.read_parquet_metadata(DATA)["said"] == "with it"


def test_a_file_of_an_earlier_release_passes() -> None:
    file = io.BytesIO()
    ROWS.write_parquet(file)
    check(file.getvalue())
