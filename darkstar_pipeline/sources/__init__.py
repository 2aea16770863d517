"""Sources: files that readings, prices and weather come from, parsed and checked. Nothing is stored here.

Every reader either gives a `Parsed` (accepted rows on the slot grid, refused rows with their reasons) or raises
`DataRefusedError` for the file as a whole.
`observations`, `prices` and `weather` read tidy files; `home_assistant` reads its exports. The other modules are the
steps that readers share, in the order they run: `files` and `parquet` (open), `stamps`, `numbers`, `resolution`
(convert and check columns), `plausibility`, `duplicates` (check values), `resampling` (to slots), `quarantine` (keep
refused rows).

What does not belong here: storing rows (`darkstar_pipeline.ingest`), repairing and grading them (`quality`).
"""
