"""The commands of `darkstar whatif`."""
