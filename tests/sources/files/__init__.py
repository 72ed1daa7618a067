"""Tests of exporter.sources.files."""
