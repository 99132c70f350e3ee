"""Attestations: what an image was made from and what it holds, stated, signed, checked."""
