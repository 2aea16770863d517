"""Sources of spot prices, a module each: what to ask them, and what their answers look like."""
