"""Messages, protocols and limits of the server; only serving/IssueSummarization.py knows Seldon."""
