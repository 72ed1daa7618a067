"""Tests of the simulated cluster and of the demo."""
