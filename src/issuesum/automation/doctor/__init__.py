"""What must be there before the pipeline can run, looked at without changing anything."""
