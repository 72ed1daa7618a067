"""Tests of exporter.facts.kube."""
