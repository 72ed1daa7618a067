"""A simulated AKS cluster on this machine, for the demo and for tests: real certificates, real TLS, invented nodes."""
