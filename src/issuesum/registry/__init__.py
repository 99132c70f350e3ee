"""Registries over HTTP (OCI distribution specification): what they hold, without Docker Engine.

What asks a registry raises RegistryError if that is unreachable or refuses us.
"""
