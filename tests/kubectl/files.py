"""What a kubeconfig file is, which context is meant, and how several are joined."""

import json
from collections.abc import Callable

import yaml

from tests.kubectl.forms import FORMS, Form, Lab, of_content, of_several, without


def _with_token(written: str) -> Callable[[Lab], object]:
    return lambda lab: yaml.safe_dump(lab.config()).replace("token: t", f"token: {written}")


# What a file is.
of_content("one file", True, lambda lab: lab.config())
of_content("JSON", True, lambda lab: json.dumps(lab.config()))
of_content("byte order mark", True, lambda lab: "\ufeff" + yaml.safe_dump(lab.config()))
of_content("CRLF", True, lambda lab: yaml.safe_dump(lab.config()).replace("\n", "\r\n"))
of_content("a second document", True, lambda lab: f"{yaml.safe_dump(lab.config())}---\nfoo: bar\n")
of_content("a key twice", True, lambda lab: f"{yaml.safe_dump(lab.config())}current-context: x\n")
of_content(
    "an alias",
    True,
    lambda lab: f"u: &n u\n{yaml.safe_dump(without(lab.config(), 'users'))}users: [{{name: *n, user: {{token: t}}}}]\n",
)
of_content("UTF-16, as PowerShell writes it", True, lambda lab: yaml.safe_dump(lab.config()).encode("utf-16"))
of_content("UTF-16BE", True, lambda lab: ("\ufeff" + yaml.safe_dump(lab.config())).encode("utf-16-be"))
of_content("an empty document first", True, lambda lab: f"# nothing\n---\n{yaml.safe_dump(lab.config())}")
of_content("a broken document second", True, lambda lab: f"{yaml.safe_dump(lab.config())}---\na: [\n")
for _value, _is_text in {
    "12:30": True,
    "=": True,
    "2026-01-01": True,
    "!other t": True,
    "!!binary dA==": True,
    "_1": True,
    "y": False,
    "on": False,
    "1e3": False,
    "08": False,
    "0o10": False,
    "1_000": False,
}.items():
    of_content(f"a token {_value}", _is_text, _with_token(_value))
of_content("infinity", False, lambda lab: f"{yaml.safe_dump(lab.config())}extra: .inf\n")
of_content("no kind", True, lambda lab: without(lab.config(), "kind"))
of_content("no apiVersion", True, lambda lab: without(lab.config(), "apiVersion"))
of_content("an unknown key", True, lambda lab: lab.config(extra=1))
of_content("another kind", False, lambda lab: lab.config(kind="Foo"))
of_content("an apiVersion with an empty group", True, lambda lab: lab.config(apiVersion="/v1"))
of_content("an extension twice", False, lambda lab: lab.config(extensions=[{"name": "a", "extension": {}}] * 2))
of_content("extensions that are no list", False, lambda lab: lab.config(extensions={}))
of_content("preferences that are none", False, lambda lab: lab.config(preferences="none"))
of_content(
    "a number for a namespace",
    False,
    lambda lab: lab.config(contexts=[{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": 1}}]),
)
of_content("another apiVersion", False, lambda lab: lab.config(apiVersion="v2"))
of_content("empty", False, lambda _: "")
of_content("a comment", False, lambda _: "# nothing\n")
of_content("null", False, lambda _: "null\n")
of_content("a list", False, lambda _: "[]\n")
of_content("a word", False, lambda _: "hello\n")
of_content("no YAML", False, lambda _: "a: [\n")
of_content("a name twice", False, lambda lab: lab.config(clusters=[{"name": "c", "cluster": lab.cluster}] * 2))
of_content("a number for a token", False, lambda lab: lab.config(user={"token": 1}))
of_content(
    "a number for another's token",
    False,
    lambda lab: lab.config(users=[{"name": "u", "user": {"token": "t"}}, {"name": "v", "user": {"token": 1}}]),
)
of_content("a number for a context", False, lambda lab: lab.config(**{"current-context": 1}))
FORMS["a folder"] = lambda lab: Form(False, str(lab.folder))

# Which context is meant.
of_content("another context by name", True, lambda lab: lab.config(**{"current-context": "gone"}), context="x")
of_content("no such context", False, lambda lab: lab.config(), context="gone")
of_content("no current-context", False, lambda lab: without(lab.config(), "current-context"))
of_content("an empty current-context", False, lambda lab: lab.config(**{"current-context": ""}))
of_content(
    "a context without a name",
    True,
    lambda lab: lab.config(contexts=[{"context": {"cluster": "c", "user": "u"}}], **{"current-context": None}),
)
of_content("an unknown current-context", False, lambda lab: lab.config(**{"current-context": "gone"}))
of_content(
    "an unknown cluster", False, lambda lab: lab.config(contexts=[{"name": "x", "context": {"cluster": "gone"}}])
)
of_content(
    "a context without user",
    True,
    lambda lab: lab.config(contexts=[{"name": "x", "context": {"cluster": "c"}}]),
    asks=True,
)
of_content(
    "a context with an empty user",
    True,
    lambda lab: lab.config(contexts=[{"name": "x", "context": {"cluster": "c", "user": ""}}]),
    asks=True,
)
of_content(
    "a context with an unknown user",
    True,
    lambda lab: lab.config(contexts=[{"name": "x", "context": {"cluster": "c", "user": "gone"}}]),
    asks=True,
)
of_content("a user without settings", True, lambda lab: lab.config(users=[{"name": "u"}]), asks=True)
of_content("no users", True, lambda lab: without(lab.config(), "users"), asks=True)

# Several files.
DEAD = {"server": "https://127.0.0.1:1"}
of_several("an empty file first", True, lambda lab: ["", lab.config()])
of_several("a comment first", True, lambda lab: ["# nothing\n", lab.config()])
of_several("null first", True, lambda lab: ["null\n", lab.config()])
of_several("an empty current-context first", True, lambda lab: [{"current-context": ""}, lab.config()])
of_several("an empty current-context second", True, lambda lab: [lab.config(), {"current-context": ""}])
of_several("a null current-context second", True, lambda lab: [lab.config(), {"current-context": None}])
of_several(
    "the first current-context",
    True,
    lambda lab: [
        lab.config(),
        lab.config(
            clusters=[{"name": "d", "cluster": DEAD}],
            contexts=[{"name": "second", "context": {"cluster": "d", "user": "u"}}],
            **{"current-context": "second"},
        ),
    ],
)
of_several(
    "the second's context by name",
    False,
    lambda lab: [
        lab.config(),
        lab.config(
            clusters=[{"name": "d", "cluster": DEAD}],
            contexts=[{"name": "second", "context": {"cluster": "d", "user": "u"}}],
        ),
    ],
    "second",
)
of_several("the first definition is good", True, lambda lab: [lab.config(), lab.config(DEAD)])
of_several("the first definition is bad", False, lambda lab: [lab.config(DEAD), lab.config()])
of_several(
    "definitions are not mixed",
    False,
    lambda lab: [{"clusters": [{"name": "c", "cluster": {"server": lab.server.url}}]}, lab.config()],
)
of_several(
    "a cluster here, a user there",
    True,
    lambda lab: [without(lab.config(), "users"), {"users": lab.config()["users"]}],
)
of_several("no YAML first", False, lambda lab: ["a: [", lab.config()])
of_several("no YAML second", False, lambda lab: [lab.config(), "a: ["])
FORMS["a file that is not there"] = lambda lab: Form(True, f"/nonexistent:{lab.file(lab.config())}")
FORMS["empty paths"] = lambda lab: Form(True, f"::{lab.file(lab.config())}:")
FORMS["none is there"] = lambda _: Form(False, "/nonexistent:/nowhere")
