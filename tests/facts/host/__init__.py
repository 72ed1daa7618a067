"""Tests of exporter.facts.host."""
