"""Step probabilities as rewards: for each step and token, and as a reward function of TRL's."""
