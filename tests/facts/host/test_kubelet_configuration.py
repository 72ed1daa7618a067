"""What a KubeletConfiguration or a drop-in sets: exporter/facts/host/kubelet_configuration.py."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.host.kubelet_configuration import KubeletConfiguration, kubelet_configuration, merged


def written(**settings: object) -> bytes:
    return json.dumps({"kind": "KubeletConfiguration", **settings}).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (written(), KubeletConfiguration()),
        (written(other=1), KubeletConfiguration()),
        (written(rotateCertificates=True), KubeletConfiguration(rotate_certificates=True)),
        (written(rotateCertificates=False), KubeletConfiguration(rotate_certificates=False)),
        (written(serverTLSBootstrap=True), KubeletConfiguration(server_tls_bootstrap=True)),
        (written(tlsCertFile="/a"), KubeletConfiguration(tls_cert_file="/a")),
        (written(tlsCertFile="--a"), KubeletConfiguration(tls_cert_file="--a")),
        (written(tlsPrivateKeyFile="b"), KubeletConfiguration(tls_private_key_file="b")),
        (written(featureGates={}), KubeletConfiguration()),
        (
            written(featureGates={"A": True, "B": False, "C": None}),
            KubeletConfiguration(feature_gates={"A": True, "B": False, "C": None}),
        ),
        (
            written(
                rotateCertificates=None,
                serverTLSBootstrap=None,
                tlsCertFile=None,
                tlsPrivateKeyFile=None,
                featureGates=None,
            ),
            KubeletConfiguration(
                nulls=frozenset(
                    {
                        "rotate_certificates",
                        "server_tls_bootstrap",
                        "tls_cert_file",
                        "tls_private_key_file",
                        "feature_gates",
                    }
                )
            ),
        ),
        (
            written(tlsCertFile=None, rotateCertificates=True),
            KubeletConfiguration(rotate_certificates=True, nulls=frozenset({"tls_cert_file"})),
        ),
        (written(apiVersion="kubelet.config.k8s.io/v1beta1"), KubeletConfiguration()),
        (written(apiVersion="kubelet.config.k8s.io/v1"), KubeletConfiguration()),
        (written(apiVersion=""), KubeletConfiguration()),
        (b"kind: KubeletConfiguration\nrotateCertificates: yes\n", KubeletConfiguration(rotate_certificates=True)),
    ],
)
def test_a_file_sets_what_it_names(content: bytes, expected: KubeletConfiguration) -> None:
    """A false value is normally left out of it; JSON and YAML are alike."""
    assert kubelet_configuration(content) == expected


OTHER = "not a KubeletConfiguration"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", OTHER),
        (b"[]", OTHER),
        (b"null", OTHER),
        (b"{}", OTHER),
        (b"7", OTHER),
        (b'{"kind":"Config"}', OTHER),
        (written(apiVersion="v1"), OTHER),
        (written(apiVersion=None), OTHER),
        (written(rotateCertificates="yes"), "rotateCertificates has the wrong type"),
        (written(serverTLSBootstrap=1), "serverTLSBootstrap has the wrong type"),
        (written(tlsCertFile=7), "tlsCertFile has the wrong type"),
        (written(tlsPrivateKeyFile=["a"]), "tlsPrivateKeyFile has the wrong type"),
        (written(featureGates="A=true"), "featureGates has the wrong type"),
        (written(featureGates={"A": "true"}), "featureGates has a value that is neither true nor false"),
        (written(featureGates={"A": True, "B": 0}), "featureGates has a value that is neither true nor false"),
        (
            b"kind: KubeletConfiguration\nfeatureGates: {1: true}\n",
            "featureGates has a value that is neither true nor false",
        ),
        (written(tlsCertFile="-----BEGIN CERTIFICATE-----"), "tlsCertFile is not a path"),
        (written(tlsPrivateKeyFile="-----BEGIN PRIVATE KEY-----"), "tlsPrivateKeyFile is not a path"),
    ],
)
def test_what_is_no_configuration_is_told_in_one_line_that_quotes_nothing(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as raised:
        kubelet_configuration(content)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe\x00", b"[" * 50_000, b'{"kind":"KubeletConfiguration","x":' + b"[" * 20_000]
)
def test_junk_in_place_of_the_configuration_is_one_line_of_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        kubelet_configuration(content)


BASE = KubeletConfiguration(True, True, "/c", "/k", {"A": True, "B": False})


@pytest.mark.parametrize(
    ("base", "patch", "expected"),
    [
        (BASE, KubeletConfiguration(), BASE),
        (KubeletConfiguration(), BASE, BASE),
        (
            BASE,
            KubeletConfiguration(False, False, "/d", "", {"B": True, "C": False}),
            KubeletConfiguration(False, False, "/d", "", {"A": True, "B": True, "C": False}),
        ),
        (
            BASE,
            KubeletConfiguration(feature_gates={"A": None}),
            KubeletConfiguration(True, True, "/c", "/k", {"B": False}),
        ),
        (
            BASE,
            KubeletConfiguration(nulls=frozenset({"feature_gates"})),
            KubeletConfiguration(True, True, "/c", "/k"),
        ),
        (
            BASE,
            KubeletConfiguration(nulls=frozenset({"rotate_certificates", "tls_cert_file"})),
            KubeletConfiguration(None, True, None, "/k", {"A": True, "B": False}),
        ),
        (
            BASE,
            KubeletConfiguration(nulls=frozenset({"server_tls_bootstrap", "tls_private_key_file"})),
            KubeletConfiguration(True, None, "/c", None, {"A": True, "B": False}),
        ),
        (KubeletConfiguration(nulls=frozenset({"tls_cert_file"})), KubeletConfiguration(), KubeletConfiguration()),
    ],
)
def test_a_drop_in_is_merged_over_what_comes_before_it(
    base: KubeletConfiguration, patch: KubeletConfiguration, expected: KubeletConfiguration
) -> None:
    """A6: a null takes a field back to its default, feature gates go one by one (RFC 7396)."""
    assert merged(base, patch) == expected


@given(
    st.lists(
        st.builds(KubeletConfiguration, *[st.none() | st.booleans()] * 2, *[st.none() | st.sampled_from("ab")] * 2)
    )
)
def test_the_last_file_that_names_a_setting_decides_it(files: list[KubeletConfiguration]) -> None:
    """A6: whatever comes before it."""
    result = KubeletConfiguration()
    for one in files:
        result = merged(result, one)
    for name in [one.name for one in fields(KubeletConfiguration)][:4]:
        said = [value for one in files if (value := getattr(one, name)) is not None]
        assert getattr(result, name) == (said[-1] if said else None)
