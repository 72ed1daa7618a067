"""What the Kubernetes API says: objects as JSON in, nodes, certificate requests, leases and CA bundles out."""
