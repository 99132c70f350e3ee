"""From new data or code in Git to an image in the registry and a commit on the branch."""
