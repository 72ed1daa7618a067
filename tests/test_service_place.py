"""--endpoints.resolve: where a Service is reached instead of by its name."""

import pytest

from exporter.agents.cluster.endpoint_looks import resolved
from exporter.settings import Command, SettingsError, resolve


def test_each_service_has_its_place_and_the_others_their_name() -> None:
    flags = ["security/policy=127.0.0.1:8443", "n/s=[::1]:443"]
    places = resolve(Command.CLUSTER, {"endpoints_resolve": flags}, {}).endpoints_resolve
    way = resolved(dict(places))
    assert way("security", "policy", 443) == ("127.0.0.1", 8443)
    assert way("n", "s", 9443) == ("::1", 443)
    assert way("n", "other", 9443) == ("other.n.svc", 9443)


def test_the_environment_gives_several() -> None:
    found = resolve(Command.CLUSTER, {}, {"AKSCERT_ENDPOINTS_RESOLVE": "a/b=h:1,c/d=h:2"}).endpoints_resolve
    assert found == ((("a", "b"), ("h", 1)), (("c", "d"), ("h", 2)))


@pytest.mark.parametrize("text", ["a/b", "a/b=", "=h:1", "b=h:1", "a/b=h", "a/b=h:0", "a/b=:1", "A/b=h:1", "a/b=h:x"])
def test_what_is_none_is_named_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^--endpoints\.resolve: "):
        resolve(Command.CLUSTER, {"endpoints_resolve": [text]}, {})
