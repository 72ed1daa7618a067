"""Tests of exporter.sources.azure."""
