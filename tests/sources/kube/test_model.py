"""Whatever happens to the objects and to the connection, the view ends as a fresh list would have it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation.api.server import ApiServer, Fault, FaultKind, Store
from simulation.pki import Authority
from tests.sources.kube.watching import CSRS, Pod, Watched, csr, fresh, serving

# CPython's ssl leaves a socket to the garbage collector where the peer resets between connect and handshake
# (SSLSocket._create, the OSError that is raised again).
pytestmark = pytest.mark.filterwarnings("ignore:.*<ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")

NAMES = st.sampled_from([f"csr-{number}" for number in range(6)])
FAULTS = st.sampled_from(
    [
        Fault(FaultKind.STATUS, 410),
        Fault(FaultKind.STATUS, 429, {"Retry-After": "1"}),
        Fault(FaultKind.STATUS, 500),
        Fault(FaultKind.STATUS, 401),
        Fault(FaultKind.EXPIRE),
        Fault(FaultKind.ERROR_EVENT, 410),
        Fault(FaultKind.ERROR_EVENT, 500),
        Fault(FaultKind.RESET),
        Fault(FaultKind.TRUNCATED),
        Fault(FaultKind.JUNK),
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), NAMES),
        st.tuples(st.just("delete"), NAMES),
        st.tuples(st.just("fault"), FAULTS),
        st.sampled_from([("sever",), ("restart",), ("expire",), ("bookmark",), ("style",), ("settle",)]),
    ),
    max_size=25,
)


@contextmanager
def running(authority: Authority) -> Iterator[Watched]:
    with TemporaryDirectory() as folder, ApiServer(serving(authority)) as server:
        pod = Pod(Path(folder) / "serviceaccount")
        pod.mount(authority.pem, "token")
        server.store.put(CSRS, csr("csr-0"))
        with closing(pod.connection(server)) as connection, Watched(server, connection) as watched:
            yield watched


def take(watched: Watched, step: tuple[str] | tuple[str, str | Fault]) -> None:
    server, store = watched.server, watched.server.store
    match step:
        case ("put", str(name)):
            store.put(CSRS, csr(name, str(store.resource_version)))
        case ("delete", str(name)):
            if name in store.names(CSRS):
                store.delete(CSRS, name)
        case ("fault", Fault() as fault):
            server.faults.add(fault)
        case ("sever",):
            server.sever()
        case ("restart",):
            server.restart()
        case ("expire",):
            store.expire()
        case ("bookmark",):
            server.bookmark()
        case ("style",):
            server.gone_as_status = not server.gone_as_status
        case ("settle",):
            server.faults.clear()
            watched.agree()


@given(steps=STEPS)
@settings(
    max_examples=settings().max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_sequence_of_changes_and_faults_ends_in_a_fresh_list(
    authority: Authority, steps: list[tuple[str] | tuple[str, str | Fault]]
) -> None:
    with running(authority) as watched:
        for step in steps:
            take(watched, step)
        watched.server.faults.clear()
        watched.server.store.put(CSRS, csr("csr-last"))
        watched.agree()
        known = [name for change, name in watched.view.changes]
        assert set(known) <= set(fresh(watched.server)) | {f"csr-{number}" for number in range(6)}
        assert not [failure for failure in watched.view.failures if "\n" in failure.words]


@pytest.mark.parametrize("window", [1, 3])
def test_a_window_of_few_changes_is_enough(authority: Authority, tmp_path: Path, window: int) -> None:
    """A burst that outruns what the server remembers ends the watch with 410, and all is right after a list."""
    pod = Pod(tmp_path / "serviceaccount")
    pod.mount(authority.pem, "token")
    server = ApiServer(serving(authority), store=Store(window=window))
    with server, closing(pod.connection(server)) as connection, Watched(server, connection) as watched:
        watched.agree()
        for burst in range(5):
            server.store.put_all(CSRS, (csr(f"csr-{burst}-{number}") for number in range(50)))
            watched.agree()
