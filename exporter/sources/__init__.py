"""Input: files, TLS endpoints, the Kubernetes API, Azure. A source returns facts or a failure with its reason."""
