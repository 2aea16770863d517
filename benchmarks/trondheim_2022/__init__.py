"""The Trondheim study; its command stays `benchmarks/trondheim.py`."""
