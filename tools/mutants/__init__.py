"""Faults planted in code, rules and chart, and whether the tests notice: `make mutants`, docs/testing.md."""
