"""How often a node agent looks at its kubelet's port (agents/node/kubelet_probe.py), and until when."""

import threading

from exporter.agents.node.kubelet_probe import KubeletProbe
from exporter.facts.x509 import certificates
from simulation.node.kubelet import SimulatedKubelets
from tests.agents.clusters import CA, NOW
from tests.web.test_tls import comes

(LEAF,) = certificates(CA.kubelet_serving("aks-1", NOW).certificate_pem)


class Waits(threading.Event):
    """Written down instead of waited: for how long, and whether somebody is waiting for a look."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.told: list[tuple[float | None, bool]] = []
        self.probe: KubeletProbe
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        self.told.append((timeout, self.is_set()))
        if len(self.told) == self._most:
            self.probe.stop()
        return True


def test_it_looks_every_minute_and_at_once_where_the_file_changes_during_a_look() -> None:
    looked: list[int] = []

    def installed() -> None:
        looked.append(len(looked))
        if len(looked) == 2:
            wire.installed(LEAF)

    wire = KubeletProbe(("127.0.0.1", 1), installed, lambda: NOW)
    waits = wire._wake = Waits(4)
    waits.probe = wire
    wire._run()
    assert waits.told == [(60.0, False), (60.0, True), (60.0, False), (60.0, False)]
    assert looked == [0, 1, 2, 3]
    assert waits.is_set()
    assert sum(wire.facts().errors.values()) == 4


def test_it_looks_in_a_thread_of_its_own_until_it_is_stopped() -> None:
    with SimulatedKubelets() as kubelets:
        credential = CA.kubelet_serving("aks-1", NOW)
        wire = KubeletProbe(kubelets.start(credential, CA).address, lambda: LEAF, lambda: NOW)
        assert (wire._thread.name, wire._thread.daemon) == ("kubelet-wire", True)
        wire.start()
        assert comes(lambda: wire.facts().up is True)
        wire.stop()
        assert comes(lambda: not wire._thread.is_alive())
