"""What the API server calls: webhooks, CRD conversions and aggregated APIs, looked at by a handshake."""
