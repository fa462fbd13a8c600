"""The PPO family: the environment over the kernel, training, files."""
