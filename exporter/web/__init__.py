"""The HTTP side of an agent: metrics, probes, the pages, TLS and basic auth. It asks nobody but its agent."""
