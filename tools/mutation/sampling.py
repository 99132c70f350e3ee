"""Which mutants are tried: so many of each module, by a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mutation.mutants import Mutant


def sample(mutants: Mapping[str, list[Mutant]], size: int, seed: int) -> list[tuple[str, Mutant]]:
    """Choose mutants: every module in turn gives one, until there are enough or no more.

    A larger sample holds the smaller ones of the same seed, and what one module gives does not
    depend on the code of another.

    Args:
        mutants: of each module.
        size: mutants at most.
        seed: another one gives another sample.

    Returns:
        Modules and mutants, in the order of the modules and their lines.
    """
    left = {}
    for module, of_module in mutants.items():
        left[module] = random.Random(f"{seed} {module}").sample(of_module, len(of_module))  # noqa: S311
    rounds = max(map(len, left.values()), default=0)
    turns = [
        (module, of_module[turn])
        for turn in range(rounds)
        for module, of_module in left.items()
        if turn < len(of_module)
    ][:size]
    order = {module: place for place, module in enumerate(mutants)}
    return sorted(turns, key=lambda chosen: (order[chosen[0]], chosen[1].line))
