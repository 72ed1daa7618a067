"""The simulated Azure: Resource Manager and the token endpoint over real TLS."""
