"""The node agent: one node's files and its kubelet's port. It imports neither `kubernetes` nor `azure`."""
