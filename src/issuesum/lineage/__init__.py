"""How an image is traced: Git, DVC, provenance, runs, restore, reports."""
