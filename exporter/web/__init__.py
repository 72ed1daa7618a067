"""The HTTP side of an agent: metrics, probes, documents, TLS and basic auth. It asks nobody but its agent."""
