"""The sentences of planned slots: what the battery and the movable loads do, and why."""
