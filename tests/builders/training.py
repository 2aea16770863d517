"""Trainings small enough to run in tests."""

from planner.training.rl_config import PpoTraining, SacTraining

PPO = PpoTraining(
    rounds=2, homes=4, slots=48, hidden=(8,), learning_rate=3e-2, weight_decay=1e-4, offset=0.4, members=2, n_soc=9,
    n_levels=9, threads=1, seed=1, rollout=24, batch=48, epochs=4, first_lambda=0.0, last_lambda=0.9, entropy=1e-3,
    clip=0.2, first_std=0.5,
)  # fmt: skip
SAC = SacTraining(
    rounds=2, homes=4, slots=24, hidden=(8,), learning_rate=1e-2, weight_decay=1e-4, offset=0.4, members=1, n_soc=9,
    n_levels=9, threads=1, seed=1, batch=16, updates=1, first_slots=4, gamma=0.9, tau=0.05, entropy=0.01,
)  # fmt: skip
