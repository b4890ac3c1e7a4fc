"""What all tests share: a cache of compiled code that starts empty and goes with them."""

import os
import tempfile

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache():
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("AICOMP_CACHE_DIR")
        os.environ["AICOMP_CACHE_DIR"] = folder
        yield
        if before is None:
            del os.environ["AICOMP_CACHE_DIR"]
        else:
            os.environ["AICOMP_CACHE_DIR"] = before
