"""A simulated AKS cluster: real certificates, real TLS, invented nodes. For the demo and the tests; not in the product."""
