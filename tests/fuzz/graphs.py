"""Random graphs, whole: from a seed, or as a Hypothesis strategy.

random_sample(random.Random(7)).graph
"""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from .builder import Builder, Rejected, Sample
from .models import EVERYTHING, step


def random_sample(rng: Random) -> Sample:
    """Return a random graph with arrays to run it on."""
    b = Builder(rng, large=rng.random() < 0.04)
    while not b.values:
        for _ in range(rng.randint(1, 3)):
            try:
                b.input(b.shape(), b.dtype())
            except Rejected:
                continue
    for _ in range(rng.randint(2, 4 if b.large else 14)):
        step(b, EVERYTHING)
    return b.sample()


def samples() -> st.SearchStrategy[Sample]:
    """Return the strategy that draws random graphs."""
    return st.randoms(use_true_random=False).map(random_sample)
