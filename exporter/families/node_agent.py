"""What the node agent emits: facts of a node in, every family of its exposition out, by how often they change.

The process's own metrics (`process_*`, `python_info`) are added by the agent: they read the system.
"""

from collections.abc import Iterable, Iterator

from exporter.facts.host.host_facts import HostFacts
from exporter.facts.sandbox import Sandbox
from exporter.facts.source import SourceFacts
from exporter.families import bootstrap, build, certificate, file, rotation, sandbox, source
from exporter.metric import Family, Part
from exporter.reason import Mode

__all__ = ["families", "fresh", "settled", "steady"]


def steady(host: HostFacts, sealed: Sandbox | None = None) -> Iterator[Part]:
    """Those that change when the node does. `sealed`: how far the agent is; None: it is not."""
    yield from certificate.parts(host)
    yield from file.parts(host)
    yield from rotation.parts(host)
    yield from bootstrap.parts(host)
    yield from sandbox.parts(host.node, sealed)


def settled(node: str, sources: Iterable[SourceFacts], revision: str) -> Iterator[Family]:
    """Those that change when a source fails or recovers, or never. `revision` as in akscert_build_info."""
    yield from source.outcomes(sources, node)
    yield from build.families(Mode.NODE, revision)


def fresh(node: str, sources: Iterable[SourceFacts]) -> Iterator[Family]:
    """Those that change with every answer."""
    yield source.answers(sources, node)


def families(
    host: HostFacts, sources: Iterable[SourceFacts], revision: str, sealed: Sandbox | None = None
) -> Iterator[Family]:
    """All of them, each once."""
    sources = tuple(sources)
    for part in steady(host, sealed):
        yield from part.families()
    yield from settled(host.node, sources, revision)
    yield from fresh(host.node, sources)
