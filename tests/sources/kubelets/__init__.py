"""Tests of exporter.sources.kubelets."""
