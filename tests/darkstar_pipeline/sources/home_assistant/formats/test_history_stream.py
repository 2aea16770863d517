"""A history read piece by piece is the history read whole, or is left to the reader of whole files."""

import gzip

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from darkstar_pipeline.errors import DataRefusedError
from darkstar_pipeline.sources import files
from darkstar_pipeline.sources.home_assistant.formats import exports
from darkstar_pipeline.sources.home_assistant.formats.history_stream import stream_history
from tests.builders.home_assistant_exports import HEADER, column, counting, history, read

ENTITIES = ("sensor.load_energy", "sensor.pv_power", "sensor.hus_värme", '"sensor.quoted"', "")
STATES = (
    "1.5",
    " 2 ",
    "1E3",
    "unavailable",
    "Unknown",
    "",
    "12 W",
    "inf",
    "nan",
    "7,5",
    '"7,5"',
    '"1,234"',
    '"on\noff"',
)
STAMPS = (
    "2026-01-10T00:00:00.000Z",
    "2026-01-10T00:00:00.123456Z",
    "2026-01-10T00:05:00Z",
    "2026-01-10 01:00:00+01:00",
    "2026-01-10T00:00:00",
    "1768003200",
    "1999-12-31T23:00:00Z",
    "2026-02-30T00:00:00Z",
    "soon",
    "",
)
ROWS = st.lists(
    st.tuples(st.sampled_from(ENTITIES), st.sampled_from(STATES), st.sampled_from(STAMPS)), min_size=1, max_size=12
)
ENDS = st.sampled_from(["\n", "\r\n"])


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(files, "_PIECE", 50)


def whole(path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(exports, "stream_history", lambda _: None)
        return exports.read_export(path)


def same(one, other):
    assert (one.file, one.entities, one.rows) == (other.file, other.entities, other.rows)
    assert one.others.equals(other.others)
    assert one.plain.keys() == other.plain.keys()
    assert all(one.plain[name].equals(other.plain[name], null_equal=True) for name in one.plain)


@given(rows=ROWS, separator=st.sampled_from(",;\t"), end=ENDS, mark=st.booleans(), last=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(rows=[(ENTITIES[0], "1.5", STAMPS[0])] * 4, separator=",", end="\n", mark=True, last=False)
@pytest.mark.usefixtures("small_pieces")
def test_pieces_say_what_the_whole_says(tmp_path, monkeypatch, rows, separator, end, mark, last):
    path = tmp_path / "history.csv"
    lines = [separator.join(row) for row in (("entity_id", "state", "last_changed"), *rows)]
    path.write_bytes(("\ufeff" * mark + end.join(lines) + end * last).encode())
    streamed = stream_history(path)
    if streamed is not None:
        same(streamed, whole(path, monkeypatch))


@pytest.mark.usefixtures("small_pieces")
def test_the_ordinary_download_is_read_in_pieces(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    text = history("sensor.load_energy", [(n, n / 10) for n in range(40)]) + "sensor.load_energy,unavailable,soon\n"
    for content in (text.encode(), gzip.compress(text.encode()), text.replace("last_changed", "last_updated").encode()):
        path.write_bytes(content)
        streamed = stream_history(path)
        assert streamed is not None
        same(streamed, whole(path, monkeypatch))
    assert (streamed.rows, streamed.others["row"].to_list()) == (41, [41])
    assert streamed.plain["sensor.load_energy"]["row"].to_list() == list(range(1, 41))


@pytest.mark.parametrize(
    "content",
    [
        b"slot_start,load_kwh\n2026-01-10T00:00:00Z,1\n",
        b"entity_id,state,last_changed\n",
        b"entity_id,state,last_changed",
        b'entity_id,state,last_changed\nsensor.a,"7,5",2026-01-10T00:00:00Z\n',
        b"entity_id,state,last_changed\nsensor.a,1,2026-01-10T00:00:00Z,4\n",
        b"entity_id,state,last_changed\nsensor.v\xe4rme,1,2026-01-10T00:00:00Z\n",
        b"entity_id,state,last_changed\nsensor.a,\x01,2026-01-10T00:00:00Z\n",
        b"sep=,\nentity_id,state,last_changed\nsensor.a,1,2026-01-10T00:00:00Z\n",
        "entity_id,state,last_changed\nsensor.a,1,2026-01-10T00:00:00Z\n".encode("utf-16"),
        b'entity_id,state,last_changed\nsensor.a,"1,2026-01-10T00:00:00Z\n',
        b" ",
    ],
)
def test_other_files_are_left_to_the_reader_of_whole_files(tmp_path, content):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    assert stream_history(path) is None


@pytest.mark.usefixtures("small_pieces")
def test_a_row_count_over_the_limit_is_refused_while_reading(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_ROWS", 10)
    path = tmp_path / "history.csv"
    path.write_text(history("sensor.load_energy", [(n, n) for n in range(40)]))
    with pytest.raises(DataRefusedError, match=r"history\.csv has 1\d rows; at most 10 are read"):
        stream_history(path)


@pytest.mark.usefixtures("small_pieces")
def test_states_with_and_without_offset_keep_their_order(tmp_path):
    text = counting("sensor.load_energy", slots=8)
    moved = text.replace("2026-01-09T23:30:00.000Z", "2026-01-10 00:30:00+01:00")
    again = moved + history("sensor.load_energy", [(0, 99.9), (0, 100.0)], header=False).replace("Z", "")
    assert moved != text
    assert column(read(tmp_path, {"a.csv": again}), "load_kwh") == column(read(tmp_path, {"b.csv": text}), "load_kwh")


@pytest.mark.usefixtures("small_pieces")
def test_of_two_files_the_later_says_what_a_sensor_showed(tmp_path):
    first = history("sensor.load_energy", [(5 * n, n) for n in range(7)])
    second = history("sensor.load_energy", [(15, "3.5"), (20, "unavailable")])
    data = read(tmp_path, {"a.csv": first, "b.csv": second})
    assert column(data, "load_kwh") == [3.5, 2.5]
    assert data.rows_read == 9


def test_refused_rows_are_weighed_against_all_rows_of_their_sensor(tmp_path):
    bad = "".join(f"sensor.load_energy,bad,2026-01-09T23:00:0{n}Z\n" for n in range(3))
    good = history("sensor.load_energy", [(15 * n, n / 10) for n in range(3)], header=False)
    data = read(tmp_path, {"a.csv": HEADER + bad + good})
    assert data.rejects["row"].to_list() == [1, 2, 3]
    with pytest.raises(DataRefusedError, match=r"4 of 7 rows are bad; the first is row 1 of b\.csv: state bad"):
        read(tmp_path, {"b.csv": HEADER + bad + good + "sensor.load_energy,bad,2026-01-09T23:00:04Z\n"})
