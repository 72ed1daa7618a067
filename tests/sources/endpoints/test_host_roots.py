"""The CAs that a host trusts, as its distribution keeps them."""

import ssl
from pathlib import Path

import pytest

from exporter.facts.x509 import certificates
from exporter.sources.endpoints.host_roots import LARGEST, PLACES, _certificates, host_roots
from simulation.pki import Authority
from tests.facts.forge import T0

ONE, OTHER = (Authority(name, T0, T0 + 1e6) for name in ("one", "other"))
TEXT, MORE = (
    one.certificate_pem.decode() if hasattr(one, "certificate_pem") else one.pem.decode() for one in (ONE, OTHER)
)
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def test_one_root_that_cannot_be_read_does_not_hide_the_others() -> None:
    """What is no DER, no base64, without an end, or beside them."""
    both = certificates(ONE.pem + OTHER.pem)
    spoilt = f"{BEGIN}\nAAAA\n{END}\n", f"{BEGIN}\n!\n{END}\n", f"{BEGIN}\nMIIB", "# a word\n"
    for text in spoilt:
        assert tuple(_certificates(f"{TEXT}{text}\n{MORE}")) == both, text
    assert tuple(_certificates(f"{TEXT}{MORE}{BEGIN}\nMIIB\n")) == both
    assert _certificates("") == _certificates("nothing") == []


def test_the_first_file_that_is_there_is_read_once() -> None:
    """A distribution's own, or what OpenSSL was built with."""
    found = host_roots()
    default = ssl.get_default_verify_paths().cafile
    texts = []
    for place in (*PLACES, *((default,) if default else ())):
        try:
            with open(place, encoding="ascii", errors="replace") as file:
                texts.append(file.read(LARGEST))
        except OSError:
            continue
    wanted = [tuple(_certificates(text)) for text in texts]
    assert found == next((one for one in wanted if one), None)
    assert host_roots() is found


def test_where_distributions_keep_them() -> None:
    """Debian and its kin; Red Hat's; Alpine (Go, crypto/x509/root_linux.go)."""
    assert PLACES == (
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    )


def test_a_distributions_own_goes_before_openssls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a file that holds none is passed over as one that is not there."""
    for name, text in (("own", TEXT), ("openssl", MORE), ("empty", "")):
        (tmp_path / name).write_text(text)
    one, other = certificates(ONE.pem), certificates(OTHER.pem)
    places = tuple(str(tmp_path / name) for name in ("absent", "empty", "own"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "openssl"))
    assert (host_roots(places), host_roots(places[:2]), host_roots(())) == (one, other, other)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    assert (host_roots(places[:1]), host_roots(places[2:])) == (None, one)
