"""Control of the inverter: the command carried out and confirmed, and a guard that ends it whatever dies."""
