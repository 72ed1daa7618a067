"""Parses in this process: the cluster agent, `check`, and the node agent on Windows."""

from exporter.facts.kubeconfig import kubeconfig
from exporter.facts.signature import signed_by
from exporter.facts.x509 import authority_file, certificate_file, served_chain

__all__ = ["InProcess"]


class InProcess:
    """The parsers themselves."""

    certificate_file = staticmethod(certificate_file)
    authority_file = staticmethod(authority_file)
    kubeconfig = staticmethod(kubeconfig)
    served_chain = staticmethod(served_chain)
    signed_by = staticmethod(signed_by)
