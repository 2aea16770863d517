"""Data quality: repair of spot prices and grading of days. Pure Polars, no files.

`price_repair` is the entry of repairs (`market_hours`, `zero_runs` and `price_filling` are its steps), `day_quality`
that of grades (`day_issues` and `bad_hours` count what is wrong). Grades are of one home or of many in one frame, which
`site` tells apart.

What does not belong here: checks of single rows of a file (`sources`), reading and writing the lake (`assets`).
"""
