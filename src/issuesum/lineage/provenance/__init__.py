"""Where an image comes from: its model, collected by export and shown to people."""
