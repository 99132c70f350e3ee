"""How good the titles are, beside what costs nothing."""
