"""Kubernetes manifests that serve an image, pinned by digest."""

from typing import Literal

Kind = Literal["seldon", "kubernetes", "kserve"]
