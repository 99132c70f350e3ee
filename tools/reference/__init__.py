"""Pages of docs/ that are made from the code; `make reference` writes them, a test compares."""
