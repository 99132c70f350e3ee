"""What leads from a commit to an image and back: Git, DVC, the tag, the provenance."""
