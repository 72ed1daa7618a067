"""Hypothesis for all tests: no deadline, for a busy machine is slow and nothing here asserts times."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("house"), max_examples=1000)  # `make test-fuzz`
settings.load_profile("house")
