"""References in docs/ that are made from the code (`python -m reference` in tools/)."""
