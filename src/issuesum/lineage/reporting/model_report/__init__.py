"""What a change of the model means, for whoever reviews it; and the card of the model."""
