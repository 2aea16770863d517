"""Which readings and prices can be believed: repair of spot prices, grading of days. Pure Polars, no files."""
