"""Tests of exporter.pages."""
