"""One architecture a module; `train.arch` names the module.

A module holds `create(config: ModelConfig) -> TitleModel`. See `issuesum.training.model.interface`.
"""
