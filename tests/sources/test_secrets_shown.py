"""What holds a secret never shows it where it is printed: in a trace, in a log, in a message."""

import pytest

from exporter.facts.proxy import Proxy
from exporter.sources.kube.access import Access
from exporter.sources.kube.exec_plugin import PluginCredential
from exporter.sources.node_agents.client_config import ClientAccess

SECRET = "s3cr3t"
PROXY = Proxy("http", "10.0.0.9", 3128, "me", SECRET)


@pytest.mark.parametrize(
    ("holds", "shown"),
    [
        (PluginCredential(SECRET, SECRET.encode(), SECRET.encode(), 1.0), "PluginCredential(expires=1.0)"),
        (
            Access("https://a", "b", None, None, b"c", SECRET.encode(), (("Authorization", SECRET),), 1.0),
            "Access(server='https://a', server_name='b', proxy=None, context=None, authorities=b'c', expires=1.0)",
        ),
        (
            ClientAccess(None, "a", {"Authorization": SECRET}),
            "ClientAccess(context=None, server_name='a', files=())",
        ),
    ],
    ids=lambda one: type(one).__name__,
)
def test_no_secret_is_shown(holds: object, shown: str) -> None:
    assert repr(holds) == shown


def test_no_password_of_a_proxy_is_shown() -> None:
    assert SECRET not in repr(PROXY) + repr(Access("https://a", "", PROXY, None, b"", b"", ()))
