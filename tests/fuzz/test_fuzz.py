"""Random graphs: every pass alone and the compiled program, unfused and fused, do what the interpreter does.

`make fuzz` runs as many as asked for. Here, two thousand.
"""

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from aicomp.text import print_graph

from .check import failure
from .graphs import samples
from .minimise import minimise

SHARDS, EACH = 40, 50
PRESETS = ("host", "host", "host", "avx2", "x86-64")


@pytest.mark.parametrize("shard", range(SHARDS))
def test_random_graphs(shard):
    options = {"cpu": PRESETS[shard % len(PRESETS)], "exact": shard % 7 == 6}
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @seed(shard)
    @settings(max_examples=EACH, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=checks)
    @given(samples())
    def run(sample):
        found = failure(sample, **options)
        if found:
            small = minimise(sample, lambda s: failure(s, (found.stage,), **options) is not None)
            raise AssertionError(f"{failure(small, (found.stage,), **options)}\n{print_graph(small.graph)}")

    run()
