"""The three evaluation protocols: daily, monthly, continuous."""
