"""Tests of exporter.sources.endpoints."""
