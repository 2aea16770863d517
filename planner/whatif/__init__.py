"""What-if computations: a home with another house, battery or tariff, its money side by side, and grids of sizes."""
