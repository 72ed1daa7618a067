"""Tests of exporter.facts.azure."""
