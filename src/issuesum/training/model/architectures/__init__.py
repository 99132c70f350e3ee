"""One architecture a module, named by `train.arch`, with `create(ModelConfig) -> TitleModel`."""
