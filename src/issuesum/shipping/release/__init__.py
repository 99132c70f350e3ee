"""A version of the model, registered by a Git tag, as manifests of its image."""
