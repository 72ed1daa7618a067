"""Simulated nodes: what AKS and the kubelet write on their disks, and their kubelets' ports."""
