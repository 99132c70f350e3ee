"""Records of stage runs, and the jobs that they and dvc.lock describe."""
