"""Sources: files and services that readings and prices come from, parsed and checked. Pure parsing; nothing is stored.

Every reader either gives a `Parsed` (accepted rows on the slot grid, refused rows with their reasons) or raises
`DataRefusedError` for the file as a whole. Storing is `darkstar_pipeline.ingest.imports`'s business.
"""
