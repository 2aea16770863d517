"""The catalogue of taxes and grid tariffs: data files by country, each value with its source and its days."""
