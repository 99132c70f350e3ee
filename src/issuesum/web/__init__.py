"""A page on which people try the model: it asks a running Seldon component and sends feedback."""
