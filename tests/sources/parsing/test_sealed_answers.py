"""SealedParsing with a child of whom the test says what it answers: what is asked, kept, held and told."""

import base64
import hashlib
import json
import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import cast

import pytest

from exporter.facts.certificate import Certificate, CertificateError, CertificateFile
from exporter.reason import FileStatus
from exporter.sources.parsing.in_process import InProcess
from exporter.sources.parsing.interface import Later, ParserFailure
from exporter.sources.parsing.process import Died, ParserProcess, Slow
from exporter.sources.parsing.record import data
from exporter.sources.parsing.sealed import SealedParsing
from simulation.pki import Authority
from tests.facts.forge import CA, DER, LEAF, T0

Said = bytes | None | Exception
(LEAFS,) = InProcess.served_chain([DER])
(ROOT,) = InProcess.authority_file(CA.pem).certificates
(OTHER,) = InProcess.authority_file(Authority.cluster(T0, number=1).pem).certificates
ALL = {"certificates": [data(LEAFS)], "private_key": False, "fault": "", "signed": []}
FILE = json.dumps(ALL).encode()
PARSED = CertificateFile((LEAFS,))


class Child:
    """Answers in the order given."""

    sealed: dict[str, object] = {"network": "tcp", "filesystem": "sealed", "landlock": 7}  # noqa: RUF012

    def __init__(self, site: "Site") -> None:
        self._site = site

    def ask(self, kind: bytes, body: bytes, patience: float) -> bytes | None:
        self._site.asked.append((kind, body, patience))
        said = next(self._site.answers)
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        self._site.closed += 1


class Site:
    """A parser whose children are told what to answer."""

    def __init__(self, *answers: Said, patience: float = 5.0) -> None:
        self.answers: Iterator[Said] = iter(answers)
        self.asked: list[tuple[bytes, bytes, float]] = []
        self.started = self.closed = 0
        self.parsing = SealedParsing(cast("Callable[[], ParserProcess]", self._start), patience)

    def _start(self) -> Child:
        self.started += 1
        return Child(self)

    def leaf(self, content: bytes) -> CertificateFile:
        return value(self.parsing.certificate_file(content))

    def bundle(self, content: bytes) -> CertificateFile:
        return value(self.parsing.authority_file(content))


def value(found: object) -> CertificateFile:
    assert isinstance(found, Later)
    return cast("CertificateFile", found.value())


def bug(words: str) -> bytes:
    return json.dumps({"error": "bug", "words": words}).encode()


DEAD = Died("ended with status 3", 3)
MALFORMED, TIMEOUT, ERROR = FileStatus.MALFORMED, FileStatus.TIMEOUT, FileStatus.ERROR


@pytest.mark.parametrize(
    ("answers", "failure", "children"),
    [
        ([FILE], None, (1, 0)),
        ([None, FILE], None, (2, 0)),
        ([None, None, None, None, FILE], None, (5, 0)),
        ([DEAD, DEAD, FILE], None, (3, 0)),
        ([DEAD, DEAD, DEAD], (MALFORMED, "the parser ended with status 3, 3 times in a row"), (3, 0)),
        ([b"", DEAD, b"[]"], (MALFORMED, "the parser gave an answer that is none, 3 times in a row"), (3, 2)),
        ([b"{}", b"{}", FILE], None, (3, 2)),
        ([Slow()], (TIMEOUT, "no answer of the parser within 5 s"), (1, 0)),
        ([DEAD, Slow()], (TIMEOUT, "no answer of the parser within 5 s"), (2, 0)),
        (
            [Died("ended", -signal.SIGXCPU)],
            (TIMEOUT, "the parser took more processor time than it may have"),
            (1, 0),
        ),
        ([Died("x", signal.SIGXCPU), FILE], None, (2, 0)),
        ([bug("KeyError")], (ERROR, "KeyError while parsing"), (1, 0)),
        ([bug("K" * 90)], (ERROR, f"{'K' * 80} while parsing"), (1, 0)),
        ([b'{"error": "bug"}'] * 3, (MALFORMED, "the parser gave an answer that is none, 3 times in a row"), (3, 3)),
    ],
)
def test_whatever_a_child_does_is_one_answer(
    answers: list[Said], failure: tuple[FileStatus, str] | None, children: tuple[int, int]
) -> None:
    """It takes three children in a row to be the bytes' fault; one that cannot be believed is ended."""
    site = Site(*answers)
    if failure is None:
        assert site.leaf(b"leaf") == PARSED
    else:
        with pytest.raises(ParserFailure) as failed:
            site.leaf(b"leaf")
        assert (failed.value.status, str(failed.value), failed.value.certificate) == (*failure, None)
    assert (site.started, site.closed, list(site.answers)) == (*children, [])


def test_a_parsers_error_is_an_answer_and_ends_no_child() -> None:
    site = Site(b'{"error": "malformed", "words": "no certificate"}', FILE)
    with pytest.raises(CertificateError, match=r"^no certificate$"):
        site.leaf(b"a")
    assert site.leaf(b"b") == PARSED
    assert (site.started, site.closed) == (1, 0)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(1, "Operation not permitted"), "Operation not permitted"),
        (OSError("no words of the system"), "OSError"),
        (subprocess.SubprocessError("in preexec_fn"), "SubprocessError"),
    ],
)
def test_where_none_can_be_started_the_reason_is_told(error: Exception, words: str) -> None:
    def refused() -> ParserProcess:
        raise error

    parsing = SealedParsing(refused)
    with pytest.raises(ParserFailure, match=f"^the parser cannot be started: {words}$") as failed:
        value(parsing.certificate_file(b"leaf"))
    assert failed.value.status is ERROR


def test_one_that_never_gets_as_far_as_its_seal_is_no_fault_of_the_bytes() -> None:
    def dies() -> ParserProcess:
        raise DEAD

    parsing = SealedParsing(dies)
    with pytest.raises(ParserFailure, match=r"^the parser ended with status 3, 3 times in a row$") as failed:
        value(parsing.certificate_file(b"leaf"))
    assert failed.value.status is ERROR
    parsing.close()


@pytest.mark.parametrize(("said", "seconds"), [(Slow(), 30), (bug("KeyError"), 3)])
def test_a_failure_is_held_against_those_bytes_for_a_while(said: Said, seconds: float) -> None:
    """Half a minute; or three seconds, where it was not their doing. Others get less time meanwhile."""
    site = Site(said, FILE, FILE)
    with pytest.raises(ParserFailure) as failed:
        site.leaf(b"leaf")
    ((until, held),) = site.parsing._held.values()
    assert held is failed.value
    assert seconds - 1 < until - time.monotonic() <= seconds
    with pytest.raises(ParserFailure) as again:
        site.leaf(b"leaf")
    assert again.value is held
    assert site.leaf(b"other") == site.bundle(b"leaf") == PARSED
    assert [patience for _, _, patience in site.asked] == [5.0, 0.5, 0.5]


def test_what_was_held_for_long_enough_is_tried_again() -> None:
    """And the others have their time again."""
    site = Site(Slow(), FILE, FILE)
    with pytest.raises(ParserFailure):
        site.leaf(b"leaf")
    ((key, (_, held)),) = site.parsing._held.items()
    site.parsing._held[key] = time.monotonic(), held
    assert site.leaf(b"leaf") == site.leaf(b"other") == PARSED
    assert [patience for _, _, patience in site.asked] == [5.0] * 3


def test_whoever_has_little_patience_is_given_no_more() -> None:
    site = Site(Slow(), FILE, patience=0.2)
    with pytest.raises(ParserFailure, match=r"within 0\.2 s$"):
        site.leaf(b"leaf")
    site.leaf(b"other")
    assert [patience for _, _, patience in site.asked] == [0.2, 0.2]


def test_the_last_sixteen_answers_are_known() -> None:
    """By their kind and bytes, whatever CAs went along; the oldest is forgotten first."""
    site = Site(*[FILE] * 19)
    for number in range(17):
        site.leaf(b"%d" % number)
    for number in range(16, 0, -1):
        assert site.leaf(b"%d" % number) == PARSED
    assert len(site.asked) == 17
    site.leaf(b"0")
    site.bundle(b"16")
    assert len(site.asked) == 19


def made(number: int) -> Certificate:
    der = b"%d" % number
    return replace(ROOT, der=der, fingerprint_sha256=hashlib.sha256(der).hexdigest())


def row(*parts: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def bundle(*numbers: int) -> bytes:
    said = {"certificates": [data(made(one)) for one in numbers], "private_key": False, "fault": ""}
    return json.dumps(said).encode()


def test_eight_cas_go_along_with_a_file() -> None:
    """Those that were read last: of each bundle the first eight."""
    site = Site(bundle(*range(10)), FILE, bundle(3, 20), FILE)
    site.bundle(b"first")
    site.leaf(b"a")
    site.bundle(b"second")
    site.leaf(b"b")
    assert [(kind, body) for kind, body, _ in site.asked] == [
        (b"A", b"first"),
        (b"L", row(b"a", *[b"%d" % one for one in range(8)])),
        (b"A", b"second"),
        (b"L", row(b"b", *[b"%d" % one for one in (1, 2, 4, 5, 6, 7, 3, 20)])),
    ]


def test_the_same_file_is_known_whatever_cas_would_go_along() -> None:
    site = Site(FILE, bundle(1))
    site.leaf(b"a")
    site.bundle(b"cas")
    assert site.leaf(b"a") == PARSED
    assert [kind for kind, *_ in site.asked] == [b"L", b"A"]


def test_who_signed_a_file_is_known_from_its_answer() -> None:
    """Where it is not said it is asked, once; of one that bears another's name it is not even asked."""
    both = {**ALL, "certificates": [data(ROOT), data(OTHER)]}
    site = Site(json.dumps(both).encode(), json.dumps({**ALL, "signed": [None, False]}).encode(), b'{"signed": true}')
    site.bundle(b"cas")
    site.leaf(b"leaf")
    assert [site.parsing.signed_by(LEAFS, one) for one in (OTHER, ROOT, ROOT, LEAFS)] == [False, True, True, False]
    assert [(kind, body) for kind, body, _ in site.asked][2:] == [(b"S", row(LEAFS.der, ROOT.der))]


def test_a_signature_whose_answer_fails_is_told_with_its_certificate_and_not_known() -> None:
    site = Site(Slow(), b'{"signed": true}')
    with pytest.raises(ParserFailure, match=r"^its signature: no answer of the parser within 5 s$") as failed:
        site.parsing.signed_by(LEAFS, ROOT)
    assert (failed.value.status, failed.value.certificate) == (TIMEOUT, LEAFS)
    assert site.parsing.signed_by(LEAFS, OTHER)


def test_a_thousand_signatures_are_known_and_no_more() -> None:
    site = Site()
    for number in range(1025):
        assert not site.parsing.signed_by(made(number), ROOT)
    assert len(site.parsing._signed) == 1024
    assert (made(0).fingerprint_sha256, ROOT.fingerprint_sha256) not in site.parsing._signed


def test_a_chain_is_asked_for_with_its_lengths() -> None:
    site = Site(json.dumps({"certificates": [data(LEAFS), data(ROOT)]}).encode())
    assert site.parsing.served_chain([LEAFS.der, ROOT.der]) == (LEAFS, ROOT)
    assert site.asked == [(b"C", row(LEAFS.der, ROOT.der), 5.0)]


def test_its_seal_is_told_once_and_so_is_each_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="exporter")
    site = Site(DEAD, FILE, Slow())
    site.leaf(b"a")
    with pytest.raises(ParserFailure):
        site.leaf(b"b")
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("INFO", "parsing in a child: filesystem sealed, landlock 7, network tcp"),
        ("WARNING", "parsing: no answer of the parser within 5 s"),
    ]


def test_to_close_it_is_to_end_its_child() -> None:
    site = Site(FILE, FILE)
    site.parsing.close()
    site.leaf(b"a")
    site.parsing.close()
    site.parsing.close()
    assert (site.started, site.closed) == (1, 1)
    site.leaf(b"b")
    assert site.started == 2


def test_a_kubeconfig_asks_only_for_the_certificates_in_it() -> None:
    site = Site(FILE, FILE)
    text = "clusters: [{{name: c, cluster: {{server: s{}}}}}]\nusers: [{{name: u, user: {{{}}}}}]\n"
    text += "contexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
    bare = text.format("", "token: t").encode()
    assert site.parsing.kubeconfig(bare) == InProcess.kubeconfig(bare)
    encoded = base64.b64encode(LEAF.pem).decode()
    with_client = text.format("", f"client-certificate-data: {encoded}, client-key-data: {encoded}").encode()
    client = site.parsing.kubeconfig(with_client)
    assert isinstance(client, Later)
    assert client.value() == InProcess.kubeconfig(with_client)
    assert [kind for kind, *_ in site.asked] == [b"L"]
    data_of = "certificate-authority-data: " + base64.b64encode(LEAF.certificate_pem).decode()
    with_ca = text.format(", " + data_of, "token: t").encode()
    found = site.parsing.kubeconfig(with_ca)
    assert len(site.asked) == 1
    assert isinstance(found, Later)
    assert found.value() == InProcess.kubeconfig(with_ca)
    assert [kind for kind, *_ in site.asked] == [b"L", b"A"]
