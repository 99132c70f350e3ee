"""Titles for whole files of issues, offline, as the image would write them."""
