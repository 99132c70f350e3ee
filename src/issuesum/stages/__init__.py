"""The stages of dvc.yaml: read params, call a library, write outputs; nothing else."""
