"""Hypothesis for all tests: no deadline, for a busy machine is slow and nothing here asserts times."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # In CI the same examples every time: a change is judged by what it changes. Anywhere else they are drawn anew.
    derandomize="CI" in os.environ,
)
settings.register_profile("long", settings.get_profile("house"), max_examples=1000)  # `make test-fuzz`
settings.load_profile("house")
