"""The warehouse: a lake of days in Parquet, read through DuckDB."""
