"""A kubelet's command line in, the flags that matter here out, read as the kubelet reads them (spf13/pflag).

The kubelet refuses to start on a word it cannot place (cmd/kubelet/app/server.go, "unknown command"), so a line it
would refuse is not what it runs with: such a line raises ValueError.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["KubeletFlags", "boolean", "kubelet_flags", "windows_words"]

_BOOLEANS = {"rotate-certificates", "rotate-server-certificates"}
_PATHS = {
    "config",
    "config-dir",
    "kubeconfig",
    "bootstrap-kubeconfig",
    "cert-dir",
    "tls-cert-file",
    "tls-private-key-file",
    "dynamic-config-dir",
}
_OURS = {*_BOOLEANS, *_PATHS, "feature-gates"}
_SWITCHES = {
    *("add-dir-header", "allow-privileged", "alsologtostderr", "anonymous-auth", "authentication-token-webhook"),
    *("cgroups-per-qos", "contention-profiling", "cpu-cfs-quota", "enable-controller-attach-detach"),
    *("enable-debugging-handlers", "enable-load-reader", "enable-server", "exit-on-lock-contention", "fail-swap-on"),
    *("experimental-allocatable-ignore-eviction", "experimental-check-node-capabilities-before-mount", "help"),
    *("keep-terminated-pod-volumes", "kernel-memcg-notification", "local-storage-capacity-isolation", "logtostderr"),
    *("make-iptables-util-chains", "one-output", "protect-kernel-defaults", "really-crash-for-testing"),
    *("redirect-container-streaming", "register-node", "register-schedulable", "runonce", "seccomp-default"),
    *("serialize-image-pulls", "skip-headers", "skip-log-headers", "version"),
}
"""The kubelet's other booleans (cmd/kubelet/app/options): a word behind one is not its value."""
_TRUE, _FALSE = {"1", "t", "T", "TRUE", "true", "True"}, {"0", "f", "F", "FALSE", "false", "False"}


@dataclass(frozen=True, slots=True)
class KubeletFlags:
    """The flags of one command line. None: the flag is not there; paths as written."""

    rotate_certificates: bool | None = None
    server_tls_bootstrap: bool | None = None
    """--rotate-server-certificates."""
    tls_cert_file: str | None = None
    tls_private_key_file: str | None = None
    config: str | None = None
    config_dir: str | None = None
    kubeconfig: str | None = None
    bootstrap_kubeconfig: str | None = None
    cert_dir: str | None = None
    dynamic_config_dir: str | None = None
    """Until Kubernetes 1.23: a configuration from the API, which no file of the node tells."""
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    node_ips: tuple[str, ...] = ()
    """--node-ip: the node's addresses, or what stands for all (`0.0.0.0`). One that is a variable is left out."""


def kubelet_flags(words: Sequence[str]) -> KubeletFlags:
    """The flags among a kubelet's arguments. Raises ValueError where the kubelet would not start with them.

    Names are the same with `_` and `-` (component-base, cli/flag, WordSepNormalizeFunc). A flag that takes a value has
    it behind `=` or in the next word, whatever that looks like; a boolean never takes the next word. Of a flag given
    twice the last counts, feature gates add up (MapStringBool).
    """
    found: dict[str, str] = {}
    gates: dict[str, bool] = {}
    values: set[int] = set()
    position = 0
    while position < len(words):
        word, position = words[position], position + 1
        if word == "--":
            if position < len(words):
                raise ValueError("a word that is no flag follows --")
            break
        if not word.startswith("--"):
            _judge_stray(word, words[position - 2] if position > 1 else "", position - 2 in values)
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("_", "-")
        if not name or name.startswith("-"):
            raise ValueError("a flag without a name")
        if name in _OURS and position > 1 and _may_take_a_value(words[position - 2], taken=position - 2 in values):
            raise ValueError(f"--{name} may be the value of the flag before it")
        if name in _PATHS or name == "feature-gates":
            if not equals:
                if position == len(words):
                    raise ValueError(f"--{name} has no value")
                values.add(position)
                value, position = words[position], position + 1
            if name == "feature-gates":
                gates |= _gates(value)
                continue
        elif name in _BOOLEANS:
            value = value if equals else "true"
            boolean(value, f"--{name}")
        elif name == "node-ip":  # its value in the next word is passed over as that of any other flag
            value = value if equals else "".join(words[position : position + 1])
        else:
            continue
        found[name] = _path(name, value) if name in _PATHS else value
    return KubeletFlags(
        rotate_certificates=_boolean(found, "rotate-certificates"),
        server_tls_bootstrap=_boolean(found, "rotate-server-certificates"),
        tls_cert_file=found.get("tls-cert-file"),
        tls_private_key_file=found.get("tls-private-key-file"),
        config=found.get("config"),
        config_dir=found.get("config-dir"),
        kubeconfig=found.get("kubeconfig"),
        bootstrap_kubeconfig=found.get("bootstrap-kubeconfig"),
        cert_dir=found.get("cert-dir"),
        dynamic_config_dir=found.get("dynamic-config-dir"),
        feature_gates=gates,
        node_ips=tuple(one for one in found.get("node-ip", "").split(",") if one and not one.startswith(("$", "-"))),
    )


def _may_take_a_value(word: str, *, taken: bool) -> bool:
    """Whether a word is a flag that may have its value in the next one. `taken`: it is itself the value of another.

    Which flags of the kubelet do is not known here, only which are booleans; -v and its like always have a value.
    """
    if taken or not word.startswith("-") or "=" in word:
        return False
    return word[2:].replace("_", "-") not in _BOOLEANS | _SWITCHES if word.startswith("--") else len(word) == 2


def _judge_stray(word: str, before: str, taken: bool) -> None:
    """A word that is no long flag: the value of the flag before it, or a short flag such as -v; else a refusal."""
    if word.startswith("$"):
        raise ValueError("a variable in the flags has no value")
    if word.startswith("-") and word != "-":
        if word[1:].partition("=")[0].replace("_", "-") in _OURS:  # pflag takes it for a row of short ones
            raise ValueError("a long flag with one dash")
    elif not _may_take_a_value(before, taken=taken):
        raise ValueError("a word that is no flag")


def boolean(text: str, where: str) -> bool:
    """A boolean as Go reads it (strconv.ParseBool). Raises ValueError naming `where`."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"{where} is neither true nor false")


def _boolean(found: Mapping[str, str], name: str) -> bool | None:
    return boolean(found[name], name) if name in found else None


def _path(name: str, value: str) -> str:
    if "-----" in value:  # a path is shown; this one has a PEM block in it
        raise ValueError(f"--{name} is not a path")
    if value.startswith("$"):
        raise ValueError(f"--{name}: a variable has no value")
    return value


def _gates(value: str) -> dict[str, bool]:
    """`A=true,B=false` (component-base, cli/flag, MapStringBool)."""
    found = {}
    for pair in value.split(","):
        if pair:
            name, equals, word = pair.partition("=")
            if not equals:
                raise ValueError("--feature-gates: a gate has no value")
            found[name.strip()] = boolean(word.strip(), "--feature-gates")
    return found


def windows_words(line: str) -> list[str]:
    r"""A Windows command line as a Go program gets it (os.Args): backslashes are plain except before a quote."""
    words: list[str] = []
    word: list[str] | None = None
    quoted, position = False, 0
    while position < len(line):
        character = line[position]
        if character in " \t" and not quoted:
            if word is not None:
                words.append("".join(word))
            word, position = None, position + 1
            continue
        word = [] if word is None else word
        if character == "\\":
            end = position
            while end < len(line) and line[end] == "\\":
                end += 1
            count, quote = end - position, line[end : end + 1] == '"'
            word.append("\\" * (count // 2 if quote else count))
            position = end
            if quote and count % 2:
                word.append('"')
                position = end + 1
        elif character == '"':
            quoted, position = not quoted, position + 1
        else:
            word.append(character)
            position += 1
    return words if word is None else [*words, "".join(word)]
