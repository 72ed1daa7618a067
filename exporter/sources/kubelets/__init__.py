"""Kubelets asked over the network. No credential is sent to one whose certificate does not verify for its node."""
