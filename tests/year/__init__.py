"""Fleets over a simulated year: the real families on simulated facts, read by a real Prometheus with the rules."""
