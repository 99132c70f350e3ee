"""Registries over HTTP (OCI distribution specification): what they hold, without Docker Engine."""
