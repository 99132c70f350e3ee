"""How good the titles are, compared with baselines."""
