"""The user of a kubeconfig: certificates, tokens, passwords, impersonation and plugins."""

from pathlib import Path

from tests.agents.clusters import CA, NOW
from tests.kubectl.forms import FORMS, V1, Form, Lab, b64, of_content, of_user, printing

# The user.
CLIENT, OTHER = (CA.issue(name, NOW - 600, NOW + 1e7) for name in ("me", "you"))


def _pair(lab: Lab) -> dict[str, str]:
    lab.file(CLIENT.certificate_pem, "client.crt")
    lab.file(CLIENT.key_pem, "client.key")
    return {"client-certificate": "client.crt", "client-key": "client.key"}


of_user("a certificate", True, _pair)
of_user(
    "certificate and key in one file",
    True,
    lambda lab: dict.fromkeys(("client-certificate", "client-key"), lab.file(CLIENT.pem, "client.pem")),
)
of_user(
    "a certificate as data",
    True,
    lambda lab: {"client-certificate-data": b64(CLIENT.certificate_pem), "client-key-data": b64(CLIENT.key_pem)},
)
of_user(
    "certificate data, key file",
    True,
    lambda lab: {"client-certificate-data": b64(CLIENT.certificate_pem), "client-key": _pair(lab)["client-key"]},
)
of_user("a certificate without key", False, lambda lab: {"client-certificate": _pair(lab)["client-certificate"]})
of_user(
    "a key of another certificate",
    False,
    lambda lab: {**_pair(lab), "client-key": lab.file(OTHER.key_pem, "other.key")},
)
of_user("a certificate that is not there", False, lambda lab: {**_pair(lab), "client-certificate": "absent.crt"})
of_user(
    "certificate file and data",
    False,
    lambda lab: {**_pair(lab), "client-certificate-data": b64(CLIENT.certificate_pem)},
)
of_user("key file and data", False, lambda lab: {**_pair(lab), "client-key-data": b64(CLIENT.key_pem)})
of_user("a certificate and a token", True, lambda lab: {**_pair(lab), "token": "t"})
of_user("a token file beside it", True, lambda lab: {"tokenFile": Path(lab.file("t\n", "token")).name})
of_user("a token file that is not there", False, lambda _: {"tokenFile": "absent"})
of_user("a token, and a file that is not there", True, lambda _: {"token": "t", "tokenFile": "absent"})
of_user("a line break in a token", False, lambda _: {"token": "t\n"})
of_user("a tab in a token", True, lambda _: {"token": "a\tb"})
of_user("a token that is not ASCII", True, lambda _: {"token": "tök😀"})
of_user("a control character in a token", False, lambda _: {"token": "a\x7fb"})
of_user("as somebody whose name is not ASCII", True, lambda _: {"token": "t", "as": "jörg"})
of_user("a password", True, lambda _: {"username": "name", "password": "p"})
of_user("a name without password", True, lambda _: {"username": "name"})
of_user("a password and a token", False, lambda _: {"username": "name", "password": "p", "token": "t"})
of_user("as", True, lambda _: {"token": "t", "as": "me"})
of_user(
    "as with groups, uid and extra",
    True,
    lambda _: {"token": "t", "as": "me", "as-uid": "1", "as-groups": ["g", "h"], "as-user-extra": {"k": ["v"]}},
)
of_user("groups without as", False, lambda _: {"token": "t", "as-groups": ["g"]})
of_user("auth-provider azure", False, lambda _: {"auth-provider": {"name": "azure", "config": {}}})
of_user("auth-provider azure and a token", False, lambda _: {"token": "t", "auth-provider": {"name": "azure"}})
of_user("auth-provider gcp", False, lambda _: {"auth-provider": {"name": "gcp"}})
of_user("an unknown auth-provider", False, lambda _: {"token": "t", "auth-provider": {"name": "foo"}})

# Plugins.
of_content("a plugin", True, lambda lab: lab.by_plugin())
of_content(
    "a plugin beside it",
    True,
    lambda lab: (lab.plugin(printing(), "near/plugin"), lab.by_plugin(command="near/plugin"))[1],
)
FORMS["a plugin in PATH"] = lambda lab: Form(
    True, lab.file(lab.by_plugin(command="good")), {"PATH": f"{lab.folder}:/bin:/usr/bin"}
)
of_content(
    "a plugin that is not there", False, lambda lab: lab.by_plugin(command="absent-plugin", installHint="Install it.")
)
of_content(
    "a plugin with arguments",
    True,
    lambda lab: lab.by_plugin(
        command=lab.plugin(f'[ "$1 $2" = "a b c" ] || exit 3\n{printing()}', "arguments"), args=["a", "b c"]
    ),
)
of_content(
    "a plugin with variables",
    True,
    lambda lab: lab.by_plugin(
        command=lab.plugin(f'[ "$FOO" = bar ] || exit 3\n{printing()}', "variables"),
        env=[{"name": "FOO", "value": "bar"}],
    ),
)
of_content(
    "a plugin that is told of the cluster",
    True,
    lambda lab: lab.by_plugin(
        command=lab.plugin(
            f'case "$KUBERNETES_EXEC_INFO" in *\'"server":\'*{lab.server.port}*) ;; *) exit 3;; esac\n{printing()}',
            "told",
        ),
        provideClusterInfo=True,
    ),
)
of_content(
    "a plugin of v1beta1",
    True,
    lambda lab: lab.by_plugin(
        apiVersion=V1 + "beta1", interactiveMode=None, command=lab.plugin(printing(V1 + "beta1"), "beta")
    ),
)
of_content(
    "a plugin of v1alpha1",
    False,
    lambda lab: lab.by_plugin(apiVersion=V1 + "alpha1", command=lab.plugin(printing(V1 + "alpha1"), "alpha")),
)
of_content("a plugin without interactiveMode", False, lambda lab: lab.by_plugin(interactiveMode=None))
of_content("a plugin that wants a person", False, lambda lab: lab.by_plugin(interactiveMode="Always"))
of_content("a plugin without apiVersion", False, lambda lab: lab.by_plugin(apiVersion=None))
of_content("a plugin without command", False, lambda lab: lab.by_plugin(command=None))
of_content("a variable without a name", False, lambda lab: lab.by_plugin(env=[{"name": "", "value": "v"}]))
of_content("a number for an argument", False, lambda lab: lab.by_plugin(args=[1]))
of_content(
    "a plugin that answers in another version",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin(printing(V1 + "beta1"), "mismatch")),
)
of_content(
    "a plugin that fails",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin("echo please log in >&2; exit 1", "failing")),
)
of_content("a plugin that prints no JSON", False, lambda lab: lab.by_plugin(command=lab.plugin("echo hello", "hello")))
of_content(
    "a plugin that prints more than JSON",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin(f"{printing()}\necho more", "more")),
)
of_content(
    "a plugin that prints another kind",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin(printing(kind="Foo"), "kind")),
)
of_content(
    "a plugin without status", False, lambda lab: lab.by_plugin(command=lab.plugin(printing(other="x"), "statusless"))
)
of_content(
    "a plugin with a certificate and no key",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin(printing(clientCertificateData="x"), "half")),
)
of_content(
    "a plugin with a certificate",
    True,
    lambda lab: lab.by_plugin(
        command=lab.plugin(
            printing(clientCertificateData=CLIENT.certificate_pem.decode(), clientKeyData=CLIENT.key_pem.decode()),
            "whole",
        )
    ),
)
of_content(
    "a plugin whose token has expired",
    True,
    lambda lab: lab.by_plugin(
        command=lab.plugin(printing(token="t", expirationTimestamp="2001-01-01T00:00:00Z"), "late")
    ),
)
of_content(
    "a plugin whose expiry is no time",
    False,
    lambda lab: lab.by_plugin(command=lab.plugin(printing(token="t", expirationTimestamp="soon"), "soon")),
)
of_content(
    "a plugin beside a token",
    True,
    lambda lab: lab.config(
        user={
            "token": "t",
            "exec": {"apiVersion": V1, "command": lab.plugin("exit 1", "unused"), "interactiveMode": "Never"},
        }
    ),
)
of_content(
    "a plugin and an auth-provider",
    False,
    lambda lab: lab.config(user={"auth-provider": {"name": "oidc"}, **lab.by_plugin()["users"][0]["user"]}),
)
