"""Commands that report: a month, and the best start of an appliance."""
