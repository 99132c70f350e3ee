"""From an image back to the working tree that it was made from."""
