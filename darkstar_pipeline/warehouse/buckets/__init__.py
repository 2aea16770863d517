"""The lake of a fleet: homes in hash buckets, one Parquet object a table, bucket and day, in a folder or on S3."""
