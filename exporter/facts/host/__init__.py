"""A node as its own files show it: bytes in, certificates, kubelet settings and rotation evidence out."""
