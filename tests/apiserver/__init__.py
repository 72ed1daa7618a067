"""Tests against a real kube-apiserver, kube-controller-manager and etcd: `make test-apiserver`."""
