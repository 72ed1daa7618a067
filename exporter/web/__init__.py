"""The HTTP side of an agent: metrics, probes, the page, TLS and basic auth. It knows nothing about certificates."""
