"""Tells Gymnasium the environments: `gymnasium.make("env.registration:darkstar/AntaresRL-v1", episodes=episodes)`."""

from collections.abc import Callable

import gymnasium

SCALAR, BATCHED = "env.gym.antares_rl:AntaresRLEnv", "env.gym.antares_vector:AntaresVectorEnv"
RL_STATES = {"darkstar/AntaresRL-v1": "v1", "darkstar/AntaresRL-v1_1": "v1_1", "darkstar/AntaresRL-v2": "v2"}
MPC = "darkstar/AntaresMPC-v1"


def register_environments() -> None:
    """Register every environment that is not registered yet."""
    register: Callable[..., None] = getattr(gymnasium, "register")  # noqa: B009 - its own signature leaves types open
    if MPC not in gymnasium.registry:
        register(MPC, "env.gym.antares_mpc:AntaresMPCEnv")
    for name, state in RL_STATES.items():
        if name not in gymnasium.registry:
            register(name, SCALAR, vector_entry_point=BATCHED, kwargs={"state": state})


register_environments()  # importing this module is how Gymnasium's "module:name" finds them
