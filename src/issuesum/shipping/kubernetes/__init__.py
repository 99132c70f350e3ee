"""Kubernetes manifests that serve an image, pinned by digest."""
