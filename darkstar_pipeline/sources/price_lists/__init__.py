"""Lists of spot prices: shapes recognised, units and areas identified, and one road that checks them all."""
