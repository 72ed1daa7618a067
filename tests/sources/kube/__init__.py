"""Tests of exporter.sources.kube."""
