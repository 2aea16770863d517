"""The names of the policies that can be replayed: light, since settings and the command line start with it."""

POLICIES = ("idle", "self_consumption", "mpc", "value", "oracle")
