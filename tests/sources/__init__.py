"""Tests of exporter.sources."""
