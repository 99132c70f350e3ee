"""Ids from words at any scale: on Dask, each shard once. Only preprocess imports this."""
