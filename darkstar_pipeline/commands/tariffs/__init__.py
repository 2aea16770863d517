"""`darkstar tariffs …`: the catalogue of taxes and grid tariffs."""
