"""A page on which people try the model and send feedback, served by the component itself."""
