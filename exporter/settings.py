"""Every setting, declared once: its flag, environment variable, YAML key, default and meaning.

A flag beats the environment, the environment beats the file given with --config.file, the file beats the default.
"""

import argparse
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from exporter.settings_file import SettingsError, settings_file
from exporter.values import (
    address,
    base,
    directory,
    duration,
    link,
    path,
    port,
    remote,
    remote_or_none,
    resource_id,
    service,
    service_place,
    switch,
    text,
    url,
    word,
)

__all__ = ["SETTINGS", "Command", "Setting", "Settings", "SettingsError", "add_flags", "resolve"]


class Command(StrEnum):
    """The subcommands that take settings."""

    NODE = "node"
    CLUSTER = "cluster"
    CHECK = "check"


AGENTS = frozenset({Command.NODE, Command.CLUSTER})
SERVERS = AGENTS
ONLY_CLUSTER = frozenset({Command.CLUSTER})
LOOKERS = frozenset({Command.CLUSTER, Command.CHECK})
HOSTS = frozenset({Command.NODE, Command.CHECK})
EVERY = frozenset({Command.NODE, Command.CLUSTER, Command.CHECK})


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `parse` turns a string or YAML value into the value used, or raises ValueError."""

    flag: str
    help: str
    default: str
    parse: Callable[[object], Any]
    commands: frozenset[Command]
    metavar: str = ""
    fallback_variable: str = ""
    """An environment variable beside our own, lower in rank."""
    repeatable: bool = False
    short: str = ""
    """The letter of a short flag."""
    bare: str = ""
    """The value that the flag has where none is given with it."""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "AKSCERT_" + re.sub(r"[.-]", "_", self.flag).upper()

    @property
    def placeholder(self) -> str:
        """What takes the value's place in help texts."""
        return self.metavar or ("|".join(self.parse.words) if isinstance(self.parse, word) else "")

    @property
    def attribute(self) -> str:
        """The name in Settings."""
        return re.sub(r"[.-]", "_", self.flag)


def _default_kubelet_address(environment: Mapping[str, str]) -> str:
    host = environment.get("HOST_IP", "")
    return f"[{host}]:10250" if ":" in host else f"{host}:10250" if host else ""


SETTINGS: tuple[Setting, ...] = (
    Setting("config.file", "YAML file with any of these settings as keys.", "", path, EVERY, "FILE"),
    Setting("web.listen-address", "Address to serve on.", "0.0.0.0:9964", address, SERVERS, "HOST:PORT"),
    Setting(
        "web.config.file",
        "TLS, client CA and basic auth, in the format of the Prometheus exporter-toolkit. Read again when it changes.",
        "",
        path,
        SERVERS,
        "FILE",
    ),
    Setting("log.level", "Minimum log level.", "info", word("debug", "info", "warning", "error"), EVERY),
    Setting("log.format", "Form of the log lines on standard error.", "text", word("text", "json"), EVERY),
    Setting(
        "node-name",
        "Kubernetes name of this node; without it the host name.",
        "",
        text,
        HOSTS,
        "NAME",
        fallback_variable="NODE_NAME",
    ),
    Setting("host-root", "Directory that holds the node's root file system.", "/", directory, HOSTS, "DIR"),
    Setting(
        "kubelet-address",
        "The kubelet's HTTPS port. Without it port 10250 at HOST_IP; the empty string: no look at the wire.",
        "",
        remote_or_none,
        HOSTS,
        "HOST:PORT",
    ),
    Setting(
        "paths.preset",
        "Which table of paths to read: by itself the one whose files are there.",
        "auto",
        word("auto", "aks-linux", "aks-windows"),
        HOSTS,
    ),
    Setting(
        "kubeconfig",
        "Kubeconfig of the cluster. Without it check reads KUBECONFIG or ~/.kube/config, an agent its own Pod.",
        "",
        path,
        LOOKERS,
        "FILE",
    ),
    Setting("context", "Context of the kubeconfig; without it the current one.", "", text, LOOKERS, "NAME"),
    Setting(
        "apiserver-address",
        "An API server address to look at; may be given several times. Without it the one the agent talks to and "
        "those that Azure names.",
        "",
        remote,
        ONLY_CLUSTER,
        "HOST:PORT",
        repeatable=True,
    ),
    Setting(
        "azure.enabled",
        "Ask Azure Resource Manager. auto: where workload identity or a resource id is there.",
        "auto",
        word("auto", "true", "false"),
        LOOKERS,
    ),
    Setting(
        "azure.resource-id",
        "Resource id of the managed cluster. Without it it is found from a node's providerID.",
        "",
        resource_id,
        LOOKERS,
        "ID",
    ),
    Setting(
        "azure.endpoint",
        "Resource Manager to ask, for sovereign clouds.",
        "https://management.azure.com",
        url,
        LOOKERS,
        "URL",
    ),
    Setting(
        "kubelets.enabled",
        "Ask the kubelets of nodes without a node agent for the dates of their certificates.",
        "true",
        word("true", "false"),
        ONLY_CLUSTER,
    ),
    Setting("kubelets.interval", "How often to ask each kubelet.", "5m", duration, ONLY_CLUSTER, "DURATION"),
    Setting("kubelets.port", "The kubelets' port where a node names none.", "10250", port, ONLY_CLUSTER, "PORT"),
    Setting(
        "node-agents.service",
        "The Service whose EndpointSlices list the node agents; the empty string: there are none.",
        "",
        service,
        ONLY_CLUSTER,
        "NAMESPACE/NAME",
    ),
    Setting(
        "node-agents.client-config",
        "How to log in to the node agents: tls_config and basic_auth as in Prometheus' http_config.",
        "",
        path,
        ONLY_CLUSTER,
        "FILE",
    ),
    Setting(
        "endpoints.enabled",
        "Look at the certificates that admission webhooks, CRD conversions and APIServices serve.",
        "true",
        word("true", "false"),
        ONLY_CLUSTER,
    ),
    Setting(
        "endpoints.resolve",
        "Where a Service that the API server calls is reached from here, if not by its name; for an agent outside the "
        "cluster. check looks at what the API server calls in a Pod, and elsewhere where this is given.",
        "",
        service_place,
        LOOKERS,
        "NAMESPACE/NAME=HOST:PORT",
        repeatable=True,
    ),
    Setting(
        "workloads.enabled",
        "Look for workloads that read the retired kubelet serving certificate. Needs the right to list them.",
        "false",
        word("true", "false"),
        ONLY_CLUSTER,
    ),
    Setting(
        "preflight.enabled",
        "Ask the API server whether the nodes' next certificate requests would be approved. Needs the right to create "
        "SubjectAccessReviews, which store nothing.",
        "false",
        word("true", "false"),
        ONLY_CLUSTER,
    ),
    Setting(
        "runbooks.url",
        "Base of the links to runbooks; without it the agents' own /runbooks/.",
        "",
        base,
        SERVERS,
        "URL",
    ),
    Setting(
        "grafana.url",
        "Where Grafana has the dashboards: nodes on the pages then lead to theirs. What the address asks for stays in "
        "it, such as ?var-cluster=weu.",
        "",
        link,
        SERVERS,
        "URL",
    ),
    Setting(
        "output",
        "Form of the report.",
        "table",
        word("table", "json", "markdown"),
        frozenset({Command.CHECK}),
        short="o",
    ),
    Setting(
        "kubelets",
        "Ask the kubelets through the API server's node proxy for the dates of their certificates. auto: where you may "
        "and no cluster agent tells about the nodes.",
        "auto",
        word("auto", "true", "false"),
        frozenset({Command.CHECK}),
    ),
    Setting(
        "preflight",
        "Ask the API server whether the nodes' next certificate requests would be approved, by SubjectAccessReviews, "
        "which store nothing.",
        "false",
        switch,
        frozenset({Command.CHECK}),
    ),
    Setting(
        "severity",
        "Show findings of this severity and worse, and always what could not be looked at. The verdict and the exit "
        "status are those of all.",
        "info",
        word("info", "warning", "critical"),
        frozenset({Command.CHECK}),
    ),
    Setting(
        "quiet",
        "Show the findings only; nothing where there is none to be shown.",
        "false",
        switch,
        frozenset({Command.CHECK}),
        short="q",
    ),
    Setting(
        "watch",
        "Look again and again, with so long between two looks, until interrupted.",
        "",
        duration,
        frozenset({Command.CHECK}),
        "DURATION",
        bare="1m",
    ),
    Setting(
        "timeout",
        "How long the whole look may take, with logging in.",
        "90s",
        duration,
        frozenset({Command.CHECK}),
        "DURATION",
    ),
    Setting(
        "max-age",
        "Oldest a certificate may become by your policy, such as 90d.",
        "",
        duration,
        frozenset({Command.CHECK}),
        "AGE",
    ),
)


class Settings:
    """The settings of one command. An attribute is a flag with underscores: `settings.web_listen_address`."""

    def __init__(self, values: Mapping[str, Any], paths: Mapping[str, Any], explicit: frozenset[str]) -> None:
        self._values = dict(values)
        self.paths = paths
        """The `paths` section of the YAML file: entries that replace or add to the preset's."""
        self.explicit = explicit
        """Attributes that somebody set, as against the defaults."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the type belongs to the declaration
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None


def add_flags(parser: argparse.ArgumentParser, command: Command) -> None:
    """Give an argument parser the flags of a command."""
    for setting in SETTINGS:
        if command not in setting.commands:
            continue
        default = f" (default {setting.default})" if setting.default else ""
        common: dict[str, Any] = {"dest": setting.attribute, "default": None, "help": f"{setting.help}{default}"}
        names = (*([f"-{setting.short}"] if setting.short else []), f"--{setting.flag}")
        if setting.parse is switch:
            parser.add_argument(*names, action="store_const", const="true", **common)
            continue
        if setting.bare:
            common |= {"nargs": "?", "const": setting.bare}
        one = parser.add_argument(
            *names, metavar=setting.placeholder, action="append" if setting.repeatable else "store", **common
        )
        if isinstance(setting.parse, word):
            # Not argparse's own choices: a wrong word is to be told as in the environment and in the file.
            words = setting.parse.words
            one.completer = lambda words=words, **_: words  # type: ignore[attr-defined]


def resolve(command: Command, flags: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a command from its flags, the environment and the file. Raises SettingsError."""
    environment = os.environ if environment is None else environment
    known = [setting for setting in SETTINGS if command in setting.commands]
    file = flags.get("config_file") or environment.get("AKSCERT_CONFIG_FILE") or ""
    content = settings_file(file, {setting.flag for setting in SETTINGS}) if file else {}
    values: dict[str, Any] = {}
    explicit = set()
    for setting in known:
        found = _found(setting, flags, environment, file, content)
        if found is None:
            default = setting.default
            if setting.flag == "kubelet-address":
                default = _default_kubelet_address(environment)
            values[setting.attribute] = _parsed(setting, "default", [] if setting.repeatable else default)
        else:
            explicit.add(setting.attribute)
            values[setting.attribute] = _parsed(setting, *found)
    return Settings(values, content.get("paths") or {}, frozenset(explicit))


def _found(
    setting: Setting, flags: Mapping[str, Any], environment: Mapping[str, str], file: str, content: Mapping[str, Any]
) -> tuple[str, object] | None:
    if flags.get(setting.attribute) is not None:
        return f"--{setting.flag}", flags[setting.attribute]
    for variable in (setting.variable, setting.fallback_variable):
        if variable and variable in environment:
            value: object = environment[variable]
            return variable, str(value).split(",") if setting.repeatable else value
    if setting.flag in content:
        return f"{file}: {setting.flag}", content[setting.flag]
    return None


def _parsed(setting: Setting, where: str, value: object) -> object:
    if setting.repeatable:
        items = value if isinstance(value, list) else [value]
        return tuple(_parsed_one(setting, where, item) for item in items if item != "")
    return _parsed_one(setting, where, value)


def _parsed_one(setting: Setting, where: str, value: object) -> object:
    try:
        return setting.parse(value)
    except ValueError as error:
        shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:77]}…"
        raise SettingsError(f"{where}: {error}: {shown}") from None
