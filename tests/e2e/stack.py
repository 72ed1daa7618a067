"""A real Prometheus and Alertmanager with the shipped rules and inhibition: targets in, notifications out."""

import json
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from simulation.demo.processes import Process, stop_all
from tests.e2e.hurry import hurried
from tools.rules import ALERTMANAGER, RULES

__all__ = ["Notification", "Receiver", "Stack", "Target", "about", "free_port"]


@dataclass(frozen=True, slots=True)
class Target:
    """One agent, as the chart's monitors would find it."""

    address: str
    job: str
    pod: str
    cluster: str = "contoso"


@dataclass(frozen=True, slots=True)
class Notification:
    """The last word of the receiver's about one alert."""

    firing: bool
    labels: Mapping[str, str]
    summary: str
    description: str
    runbook_url: str

    @property
    def alert(self) -> str:
        return self.labels["alertname"]


class Receiver:
    """An Alertmanager webhook on a port of its own: what is firing now, as whoever is paged would know it."""

    def __init__(self) -> None:
        self._known: dict[str, Notification] = {}
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the test speaks."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, payload: Mapping[str, Any]) -> None:
        """One POST of Alertmanager's."""
        with self._changed:
            for alert in payload["alerts"]:
                words = alert["annotations"]
                self._known[alert["fingerprint"]] = Notification(
                    alert["status"] == "firing",
                    alert["labels"],
                    words["summary"],
                    words["description"],
                    words["runbook_url"],
                )
            self._changed.notify_all()

    def firing(self) -> tuple[Notification, ...]:
        """What fires, as far as was told."""
        with self._changed:
            return tuple(one for one in self._known.values() if one.firing)

    def wait(self, wanted: Callable[[tuple[Notification, ...]], bool], timeout: float) -> tuple[Notification, ...]:
        """What fires once `wanted` says yes; after so many seconds whatever fires then."""
        until = time.monotonic() + timeout
        with self._changed:
            while not wanted(found := tuple(one for one in self._known.values() if one.firing)):
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return tuple(one for one in self._known.values() if one.firing)
            return found


class Stack:
    """A context manager: what it starts has ended when it does."""

    def __init__(self, folder: Path, targets: tuple[Target, ...], *, remote: bool = False) -> None:
        """`remote`: each cluster has a Prometheus of its own, without rules, which writes to the one that has them."""
        self.receiver = Receiver()
        folder.mkdir(parents=True)
        rules = []
        for file in sorted(RULES.glob("*.yaml")):
            (folder / file.name).write_text(hurried(file.read_text()))
            rules.append(str(folder / file.name))
        alertmanager, prometheus = free_port(), free_port()
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(self._alertmanager()))
        scraped = () if remote else targets
        config = {
            **_scraping(scraped, with_cluster=True),
            "rule_files": rules,
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        self.alertmanager = Process(
            "Alertmanager",
            [
                "other",
                "prometheus-alertmanager",
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
                "--log.level=warn",
            ],
            url=f"http://127.0.0.1:{alertmanager}",
            ready="/-/ready",
        )
        self.prometheus = _prometheus(folder, "prometheus", prometheus, "--web.enable-remote-write-receiver")
        self.others: list[Process] = []
        for cluster in sorted({target.cluster for target in targets}) if remote else ():
            own = tuple(target for target in targets if target.cluster == cluster)
            config = _scraping(own, with_cluster=False)
            config["global"]["external_labels"] = {"cluster": cluster}
            config["remote_write"] = [{"url": f"http://127.0.0.1:{prometheus}/api/v1/write"}]
            (folder / f"{cluster}.yml").write_text(yaml.safe_dump(config))
            self.others.append(_prometheus(folder, cluster, free_port()))

    def _alertmanager(self) -> dict[str, Any]:
        return {
            "route": {
                "receiver": "webhook",
                "group_by": ["..."],  # each alert by itself, so that one change is one notification
                "group_wait": "6s",  # longer than two evaluations: a source is known before its target is told
                "group_interval": "1s",
                "repeat_interval": "1h",
            },
            "receivers": [
                {"name": "webhook", "webhook_configs": [{"url": self.receiver.url, "send_resolved": True}]},
            ],
            **yaml.safe_load(ALERTMANAGER.read_text()),
        }

    def __enter__(self) -> Self:
        for process in (self.alertmanager, self.prometheus, *self.others):
            process.wait_ready(30, threading.Event())
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        stop_all((*self.others, self.prometheus, self.alertmanager))
        self.receiver.close()

    def query(self, expression: str) -> list[dict[str, str]]:
        """Labels of the series of an instant query."""
        found = self._get(f"/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        return [sample["metric"] for sample in found["data"]["result"]]

    def alerts(self) -> frozenset[tuple[str, ...]]:
        """(alert, severity, what it is about) of everything that fires in Prometheus, inhibited or not."""
        return frozenset(about(labels) for labels in self.query('ALERTS{alertstate="firing"}'))

    def suppressed(self) -> frozenset[tuple[str, ...]]:
        """What Alertmanager holds back."""
        with urllib.request.urlopen(f"{self.alertmanager.url}/api/v2/alerts", timeout=10) as answer:
            alerts = json.load(answer)
        return frozenset(about(one["labels"]) for one in alerts if one["status"]["state"] == "suppressed")

    def rule_errors(self) -> list[str]:
        """What went wrong in evaluating any rule."""
        groups = self._get("/api/v1/rules")["data"]["groups"]
        return [f"{rule['name']}: {rule['lastError']}" for g in groups for rule in g["rules"] if rule.get("lastError")]

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.prometheus.url}{path}", timeout=10) as answer:
            return json.load(answer)


def about(labels: Mapping[str, str]) -> tuple[str, ...]:
    """The alert, its severity and what it is about."""
    subject = [
        labels[name] for name in ("node", "address", "kind", "name", "mode", "lease", "agentpool") if name in labels
    ]
    details = [labels[name] for name in ("role", "source", "outcome", "state", "status") if name in labels]
    return (labels["alertname"], labels["severity"], " ".join(subject), " ".join(details))


def _prometheus(folder: Path, name: str, port: int, *flags: str) -> Process:
    return Process(
        f"the Prometheus {name}",
        [
            *("other", "prometheus", f"--config.file={folder / name}.yml", f"--storage.tsdb.path={folder / name}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn", *flags),
        ],
        url=f"http://127.0.0.1:{port}",
        ready="/-/ready",
    )


def _scraping(targets: tuple[Target, ...], *, with_cluster: bool) -> dict[str, Any]:
    def labels(target: Target) -> dict[str, str]:
        found = {"pod": target.pod, "namespace": "monitoring"}
        return {**found, "cluster": target.cluster} if with_cluster else found

    return {
        "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"},
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                "static_configs": [
                    {"targets": [target.address], "labels": labels(target)} for target in targets if target.job == job
                ],
            }
            for job in sorted({target.job for target in targets})
        ],
    }


def free_port() -> int:
    """A port that was free a moment ago; neither server says which it got when asked for any."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return server.server_port
