"""From the tables of a fleet's bucket to the plans of its homes."""
