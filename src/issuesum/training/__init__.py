"""How a model is made: corpus, features, model, evaluation, bundle."""
