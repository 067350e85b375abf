"""PRM Inspector: step probabilities from Process Reward Models."""
