"""What the sources never exceed, in seconds, bytes and numbers: nobody may wait, or take memory, without an end."""

from types import ModuleType

import pytest

from exporter.sources import client_stream, dial, exchange, seal, tls
from exporter.sources.azure import access as azure_access
from exporter.sources.azure import managed_cluster, resource_manager, transport
from exporter.sources.endpoints import host_roots
from exporter.sources.files import content, deadline, host_files, host_reads, openat2, resolve, root, watch
from exporter.sources.kube import (
    access,
    cluster_agent,
    connection,
    exec_plugin,
    failure,
    kubeconfig,
    listing,
    node_proxy,
    pool,
)
from exporter.sources.kube import watch as kube_watch
from exporter.sources.kubelets import ask as kubelets_ask
from exporter.sources.node_agents import ask as node_agents_ask
from exporter.sources.parsing import child, process, sealed

KIB, MIB, GIB = 1024, 1024**2, 1024**3
NANOSECONDS = 1_000_000_000
BOUNDS: list[tuple[ModuleType, dict[str, float]]] = [
    (azure_access, {"STEADY": 300.0, "OPERATING": 60.0}),
    (managed_cluster, {"WHOLE": 60.0, "MOST_ABANDONED": 4}),
    (resource_manager, {"CONNECT": 5.0, "READ": 15.0, "BODY": 30.0, "LONGEST_WAIT": 3600.0, "LARGEST_ANSWER": 8 * MIB}),
    (transport, {"PART": 64 * KIB}),
    (client_stream, {"RECEIVED": 32 * KIB, "MOST_AHEAD": 128 * KIB}),
    (dial, {"LARGEST_HEAD": 16 * KIB}),
    (exchange, {"LARGEST_HEAD": 64 * KIB, "PIECE": 64 * KIB}),
    (tls, {"LARGEST_HANDSHAKE": 256 * KIB}),
    (host_roots, {"LARGEST": 4 * MIB}),
    (content, {"_ATTEMPTS": 3, "_RACY_NS": 2 * NANOSECONDS}),
    (deadline, {"_IDLE_SECONDS": 10.0, "_MOST_IDLE": 2, "_MOST_THREADS": 64}),
    (host_files, {"CAP": MIB, "_MOST_CACHED": 4096, "_MOST_NAMES": 10_000}),
    (host_reads, {"EVIDENCE_CAP": 256 * KIB, "MOST_DROP_INS": 64, "MOST_LEVELS": 4}),
    (openat2, {"_ATTEMPTS": 20, "_ATTEMPTS_AT_ONCE": 3}),
    (resolve, {"_LINKS": 40}),
    (
        root,
        {
            "_FRESH_NS": 2 * NANOSECONDS,
            "_SWAP_SECONDS": 1.0,
            "_SWAP_PAUSE": 0.001,
            "_CHANGE_SECONDS": 0.1,
            "_CHANGE_PAUSE": 0.005,
        },
    ),
    (watch, {"SETTLED_NS": 2 * NANOSECONDS}),
    (access, {"PATIENCE": 60.0}),
    (cluster_agent, {"LARGEST": 64 * MIB}),
    (
        connection,
        {"LARGEST_REFUSAL": 64 * KIB, "LARGEST_OBJECT": 4 * MIB, "PART": 64 * KIB, "SMALLEST_INTERVAL": 10.0},
    ),
    (exec_plugin, {"LARGEST": MIB, "LEFT_BEHIND": 2.0}),
    (failure, {"LONGEST_RETRY_AFTER": 600.0, "LONGEST_WORDS": 600}),
    (kubeconfig, {"LARGEST": 32 * MIB, "DEEPEST": 100}),
    (
        listing,
        {
            "PAGE": 500,
            "LARGEST_PAGE": 16 * MIB,
            "LARGEST_OBJECT": 4 * MIB,
            "DENSEST": 10,
            "LARGEST_LIST": GIB,
            "MOST_OBJECTS": 200_000,
            "EMPTY_PAGES": 5,
            "PAUSE": 0.1,
        },
    ),
    (node_proxy, {"LARGEST_CONFIG": MIB, "LARGEST_METRICS": 16 * MIB, "PATIENCE": 8.0}),
    (pool, {"CONNECTIONS": 16}),
    (
        kube_watch,
        {
            "LARGEST_EVENT": 4 * MIB,
            "PATIENCE": 5,
            "SHORT": 1.0,
            "SILENCE": 70.0,
            "ANSWER": 10.0,
            "PROMPT": 2.5,
            "SETTLING": 30.0,
        },
    ),
    (kubelets_ask, {"LARGEST_CONFIG": MIB, "LARGEST_METRICS": 16 * MIB, "LONGEST_CHAIN": 10, "HOLDING": 3600.0}),
    (node_agents_ask, {"LARGEST": 4 * MIB}),
    (child, {"MEMORY": 64 * MIB, "SECONDS": 3, "LIFETIME": 120}),
    (process, {"LARGEST_ANSWER": 16 * MIB, "IDLE": 10.0, "START": 10.0, "ENDS": 1.0}),
    (
        sealed,
        {
            "PATIENCE": 5.0,
            "IMPATIENCE": 0.5,
            "ATTEMPTS": 3,
            "HELD": 30.0,
            "HELD_UNSTARTED": 3.0,
            "_MOST_KEPT": 1024,
            "_MOST_AUTHORITIES": 8,
            "_MOST_KNOWN": 16,
        },
    ),
]


@pytest.mark.parametrize(("module", "bounds"), BOUNDS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_source_is_bounded(module: ModuleType, bounds: dict[str, float]) -> None:
    assert {name: getattr(module, name) for name in bounds} == bounds


def test_the_kernel_is_asked_by_its_own_numbers() -> None:
    """<asm/unistd.h>, <linux/openat2.h>, <linux/landlock.h>: with others it would only seem to be an older one, and the
    tests of what it can do would be passed over.
    """
    assert (openat2._SYS_OPENAT2, openat2._AT_FDCWD) == (437, -100)
    assert (openat2._RESOLVE_NO_MAGICLINKS, openat2._RESOLVE_IN_ROOT, openat2._RESOLVE_CACHED) == (0x02, 0x10, 0x20)
    assert (seal._CREATE_RULESET, seal._ADD_RULE, seal._RESTRICT_SELF, seal._GET_VERSION) == (444, 445, 446, 1)
