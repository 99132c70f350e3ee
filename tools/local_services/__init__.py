"""Starts, on one machine, what the pipeline needs: S3, Docker Engine, a registry, a base image.

Everything that is kept lies in one folder (`settings`), which all clones of one user share, and
nothing listens beyond the loopback address.
"""
