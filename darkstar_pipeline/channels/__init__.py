"""Ways to a person: an action of Home Assistant, a webhook, e-mail; a module a way."""
