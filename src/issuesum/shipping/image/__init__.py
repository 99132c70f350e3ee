"""Building, checking and pushing the image through the Docker SDK."""
