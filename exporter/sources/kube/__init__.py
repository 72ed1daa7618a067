"""The Kubernetes API: the only imports of `kubernetes`. It never writes to the cluster."""
