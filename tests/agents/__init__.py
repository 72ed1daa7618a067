"""Agents as wholes, on simulated nodes."""
