"""The cluster of a kubeconfig: its CA, its server and how that is verified."""

import base64
from pathlib import Path

from tests.agents.clusters import CA, NEXT_CA
from tests.kubectl.forms import FAR, b64, of_cluster

# The cluster.
of_cluster(
    "a CA file beside it",
    True,
    lambda lab: {"server": lab.server.url, "certificate-authority": Path(lab.file(CA.pem, "ca.crt")).name},
)
of_cluster("no CA file", False, lambda lab: {"server": lab.server.url, "certificate-authority": "absent.crt"})
of_cluster(
    "a CA file and data", False, lambda lab: {**lab.cluster, "certificate-authority": lab.file(CA.pem, "ca.crt")}
)
of_cluster("another CA", False, lambda lab: {"server": lab.server.url, "certificate-authority-data": b64(NEXT_CA.pem)})
of_cluster("the system's CAs", False, lambda lab: {"server": lab.server.url})
of_cluster(
    "data that is not base64", False, lambda lab: {"server": lab.server.url, "certificate-authority-data": "@@@"}
)
of_cluster(
    "base64 with line breaks",
    True,
    lambda lab: {"server": lab.server.url, "certificate-authority-data": base64.encodebytes(CA.pem).decode()},
)
of_cluster(
    "base64 with a space",
    False,
    lambda lab: {"server": lab.server.url, "certificate-authority-data": " " + b64(CA.pem)},
)
of_cluster(
    "base64 with more after its end",
    False,
    lambda lab: {
        "server": lab.server.url,
        "certificate-authority-data": b64(CA.pem + b"\n\n"[: -len(CA.pem) % 3]) + "====",
    },
)
of_cluster(
    "data that is no PEM", False, lambda lab: {"server": lab.server.url, "certificate-authority-data": b64(b"no")}
)
of_cluster(
    "a comment in UTF-8",
    True,
    lambda lab: {"server": lab.server.url, "certificate-authority-data": b64("# Größe\n".encode() + CA.pem)},
)
of_cluster(
    "a comment in Latin-1",
    True,
    lambda lab: {"server": lab.server.url, "certificate-authority-data": b64("# Größe\n".encode("latin-1") + CA.pem)},
)
of_cluster(
    "two CAs", True, lambda lab: {"server": lab.server.url, "certificate-authority-data": b64(NEXT_CA.pem + CA.pem)}
)
of_cluster(
    "one bad CA",
    True,
    lambda lab: {
        "server": lab.server.url,
        "certificate-authority-data": b64(CA.pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    },
)
of_cluster("insecure", True, lambda lab: {"server": lab.server.url, "insecure-skip-tls-verify": True})
of_cluster("insecure and a CA", False, lambda lab: {**lab.cluster, "insecure-skip-tls-verify": True})
of_cluster("insecure as text", False, lambda lab: {"server": lab.server.url, "insecure-skip-tls-verify": "true"})
of_cluster("tls-server-name", True, lambda lab: {**lab.cluster, "tls-server-name": FAR})
of_cluster("a wrong tls-server-name", False, lambda lab: {**lab.cluster, "tls-server-name": "other.example.test"})
of_cluster("an empty tls-server-name", True, lambda lab: {**lab.cluster, "tls-server-name": ""})
of_cluster("HTTPS in upper case", True, lambda lab: {**lab.cluster, "server": lab.server.url.replace("https", "HTTPS")})
of_cluster("a slash at the end", True, lambda lab: {**lab.cluster, "server": f"{lab.server.url}/"})
of_cluster("a path", False, lambda lab: {**lab.cluster, "server": f"{lab.server.url}/k8s/clusters/c-1"})
of_cluster("a query", True, lambda lab: {**lab.cluster, "server": f"{lab.server.url}?a=b"})
of_cluster("a name and a password", True, lambda lab: {**lab.cluster, "server": lab.server.url.replace("//", "//n:p@")})
of_cluster("no scheme", False, lambda lab: {**lab.cluster, "server": lab.server.url.removeprefix("https://")})
of_cluster("ftp", False, lambda lab: {**lab.cluster, "server": lab.server.url.replace("https", "ftp")})
of_cluster("a space", False, lambda lab: {**lab.cluster, "server": f" {lab.server.url}"})
of_cluster("no server", False, lambda lab: {**lab.cluster, "server": ""})
of_cluster("port 0", False, lambda lab: {**lab.cluster, "server": "https://127.0.0.1:0"})
of_cluster("plain HTTP", True, lambda lab: {"server": lab.plain.url})
of_cluster("plain HTTP without a scheme", True, lambda lab: {"server": lab.plain.url.removeprefix("http://")})
of_cluster("plain HTTP and a CA", True, lambda lab: {**lab.cluster, "server": lab.plain.url})
of_cluster(
    "plain HTTP, insecure and a CA",
    True,
    lambda lab: {**lab.cluster, "server": lab.plain.url, "insecure-skip-tls-verify": True},
)
of_cluster("HTTP in upper case", True, lambda lab: {"server": lab.plain.url.replace("http", "HTTP")})
