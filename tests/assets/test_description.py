"""Tables in the page are short and well-formed."""

import polars as pl

from assets.description import TABLE_ROWS, markdown_table, picture_metadata


def test_markdown_table_rounds_floats_and_marks_nulls() -> None:
    table = markdown_table(pl.DataFrame({"policy": ["idle", None], "cost": [1.2345, None]}), digits=2).md_str
    assert table == "| policy | cost |\n|---|---|\n| idle | 1.23 |\n| – | – |"


def test_markdown_table_says_how_many_more_when_it_is_long() -> None:
    table = markdown_table(pl.DataFrame({"n": list(range(TABLE_ROWS + 5))})).md_str
    assert table is not None
    assert table.endswith("… and 5 more")


def test_markdown_table_keeps_its_columns_when_a_cell_holds_a_bar_or_a_line_break() -> None:
    table = markdown_table(pl.DataFrame({"reason": ["a|b\nc"]})).md_str
    assert table is not None
    assert table.splitlines()[2] == "| a\\|b c |"


def test_shown_keeps_a_picture_inside_the_event() -> None:
    assert picture_metadata({"day": b"png"})["day"].md_str == "![day](data:image/png;base64,cG5n)"
