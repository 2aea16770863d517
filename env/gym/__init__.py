"""Learning environments: states, actions, rewards and episodes, and the batches that step them."""
