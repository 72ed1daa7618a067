"""aks-cert-exporter: certificates of Azure Kubernetes Service and their rotation, as Prometheus metrics.

It reads files, listens to the Kubernetes API and asks Azure Resource Manager. It never changes anything in a cluster,
on a node or in Azure; it never keeps or prints a private key, token or password; it never says "fine" when it could
not look.
"""

__version__ = "0.1.0"
