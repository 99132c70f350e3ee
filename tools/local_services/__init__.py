"""Starts, on one machine, what the pipeline talks to: S3, a registry, Docker Engine, a base image.

`cli` walks over four services with the same three verbs (`service`); what each of them is stands
in `s3`, `registry`, `engine` and `base_image`. Everything that is kept lies in one folder
(`settings`), which all clones of one user share, and nothing listens beyond the loopback address.
"""
