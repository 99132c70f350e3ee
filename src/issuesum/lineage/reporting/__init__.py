"""Reports for people: data, model, provenance, and the difference of two images."""
