"""A simulated AKS cluster, for the demo and the tests: real certificates, real TLS, invented nodes."""
