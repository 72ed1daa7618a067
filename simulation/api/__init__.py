"""The simulated control plane: an API server over real TLS, its objects, and what happens in it."""
