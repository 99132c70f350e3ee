"""How a model leaves the repository: its image, attestations, manifests and releases."""
