"""A directory in; a simulated Resource Manager with its CA, and what a Pod with workload identity is given, out."""

import time
from pathlib import Path

from simulation.azure.resource_manager import SimulatedArm
from simulation.pki import DAY, Authority

__all__ = ["ArmSite"]


class ArmSite:
    """The simulation on a free port, and the environment in which an agent trusts it and logs in to it."""

    def __init__(self, directory: Path, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """`directory` is made; it holds a key, a CA and a service account token of the simulation's own."""
        directory.mkdir(parents=True, exist_ok=True)
        now = time.time()
        authority = Authority("Simulated Azure", now - DAY, now + 30 * DAY, number=7)
        served = authority.apiserver(("localhost", "127.0.0.1"), now, days=30)
        self.authority_file = directory / "azure-ca.crt"
        self.authority_file.write_bytes(authority.pem)
        certificate, key = directory / "azure.crt", directory / "azure.key"
        certificate.write_bytes(served.certificate_pem)
        key.write_bytes(served.key_pem)
        self.token_file = directory / "azure-identity-token"
        self.arm = SimulatedArm(str(certificate), str(key), host=host, port=port)
        self.give_assertion("simulated-service-account-token-1")

    @property
    def environment(self) -> dict[str, str]:
        """What the workload identity webhook injects, and the simulation's CA for the HTTP library of the Azure SDK."""
        return {
            "AZURE_CLIENT_ID": "00000000-0000-4000-8000-00000000c11e",
            "AZURE_TENANT_ID": "00000000-0000-4000-8000-00000000007e",
            "AZURE_FEDERATED_TOKEN_FILE": str(self.token_file),
            "AZURE_AUTHORITY_HOST": f"{self.arm.endpoint}/",
            "REQUESTS_CA_BUNDLE": str(self.authority_file),
        }

    def give_assertion(self, token: str) -> None:
        """Rotate the service account token: the file holds the new one, and no other is accepted from now on."""
        self.token_file.write_text(token, encoding="utf-8")
        self.arm.assertions = {token}
