"""The sealed child: it says what the library says in this process, and whatever becomes of it is an answer."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from functools import partial
from typing import ClassVar, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.certificate import Certificate, CertificateError, CertificateFile
from exporter.facts.host.read import Parse
from exporter.facts.kubeconfig import HostKubeconfig
from exporter.reason import FileStatus
from exporter.sources.parsing.in_process import InProcess
from exporter.sources.parsing.interface import Later, ParserFailure, Parsing
from exporter.sources.parsing.process import CODE, ParserProcess
from exporter.sources.parsing.sealed import SealedParsing
from exporter.sources.seal import landlock_abi
from simulation.pki import Authority
from tests.facts import forge
from tests.facts.forge import CA, DER, LEAF, T0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the child is Linux's")

OWN = InProcess()


@pytest.fixture(scope="module")
def sealed() -> Iterator[SealedParsing]:
    parsing = SealedParsing()
    yield parsing
    parsing.close()


def told(parse: Parse[object], content: bytes) -> object:
    """What a parser says, to the last field: two certificates are equal by their bytes alone."""
    try:
        found = parse(content)
        value = found.value() if isinstance(found, Later) else found
    except CertificateError as error:
        return type(error), str(error)
    except ValueError as error:
        return ValueError, str(error)
    assert isinstance(value, CertificateFile | HostKubeconfig)
    return astuple(value)


def behaving(code: str) -> partial[ParserProcess]:
    """A child that does this where it should parse a leaf's file."""
    lines = code.replace("\n", "\n    ")
    setup = CODE.rpartition("import main; main()")[0].removesuffix("from exporter.sources.parsing.child ")
    return partial(
        ParserProcess,
        f"{setup}\nimport os, time, signal, socket, ctypes\nfrom exporter.sources.parsing import child\n"
        f"def act(body):\n    {lines}\nchild.KINDS = {{**child.KINDS, b'L': act}}\nchild.main()",
    )


WELL = """return {
        'certificates': [child.data(child.x509.certificate(bytes.fromhex(child.SAMPLE)))],
        'private_key': False, 'fault': '', 'signed': []}"""
CONTENTS = [
    b"",
    b" \n",
    b"nothing",
    DER,
    LEAF.pem,
    CA.pem,
    CA.pem + LEAF.certificate_pem,
    LEAF.pem[:-40],
    forge.pem(b"\x30\x03\x02\x01\x01"),
    forge.pem(DER[:-1]) + CA.pem,
    forge.pem(forge.forged(subject=forge.name(b"\x00n\x00o", forge.BMP))),
    *(
        forge.pem(forge.forged(subject=forge.name(b"\x00\x00\x00n", kind)))
        for kind in (0x12, 0x13, 0x14, 0x16, 0x1A, 0x1C)
    ),
    forge.pem(forge.forged(not_after=forge.utc(b"4912312359Z"))),
    forge.pem(forge.forged(subject=forge.name(b"\xff"))),
    forge.pem(forge.forged(key=forge.unknown_key())),
]


@pytest.mark.parametrize("content", CONTENTS)
def test_the_child_says_what_the_library_says_here(sealed: SealedParsing, content: bytes) -> None:
    """Every field, every error and its words: the child is no second parser."""
    assert told(sealed.certificate_file, content) == told(OWN.certificate_file, content)
    assert told(sealed.authority_file, content) == told(OWN.authority_file, content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_so_it_does_of_any_certificate(sealed: SealedParsing, data: st.DataObject) -> None:
    """With any bytes of it changed."""
    changed = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    content = forge.pem(bytes(changed))
    assert told(sealed.certificate_file, content) == told(OWN.certificate_file, content)


def test_chains_signatures_and_kubeconfigs_likewise(sealed: SealedParsing) -> None:
    """What is served, who signed whom, and the certificates that a kubeconfig holds itself."""
    leaf, authority = served = sealed.served_chain([DER, OWN.authority_file(CA.pem).certificates[0].der])
    assert [astuple(one) for one in served] == [astuple(one) for one in OWN.served_chain([one.der for one in served])]
    with pytest.raises(CertificateError):
        sealed.served_chain([b"none"])
    pairs = [(leaf, authority), (authority, leaf), (authority, authority), (leaf, leaf)]
    assert [sealed.signed_by(*pair) for pair in pairs] == [OWN.signed_by(*pair) for pair in pairs]
    assert sealed.signed_by(leaf, authority)
    for content in (kubeconfig(CA.pem), kubeconfig(b"none"), kubeconfig(None), b"kind: Other"):
        assert told(sealed.kubeconfig, content) == told(OWN.kubeconfig, content)


def kubeconfig(authority: bytes | None) -> bytes:
    import base64

    data = "" if authority is None else f"certificate-authority-data: {base64.b64encode(authority).decode()}"
    return f"""
clusters: [{{name: c, cluster: {{server: "https://a", {data}}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: x, context: {{cluster: c, user: u}}}}]
""".encode()


@pytest.mark.parametrize(
    ("code", "status", "words"),
    [
        ("os._exit(3)", FileStatus.MALFORMED, "the parser ended with status 3, 3 times in a row"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", FileStatus.MALFORMED, "the parser ended by signal 11, 3 times"),
        ("held = bytearray(1 << 30)", FileStatus.MALFORMED, "the parser ended with status 1, 3 times"),
        ("time.sleep(60)", FileStatus.TIMEOUT, "no answer of the parser within 0.5 s"),
        ("return {'certificates': [], 'fault': ''}", FileStatus.MALFORMED, "an answer that is none"),
        ("return {'certificates': [{'der': 'AAAA'}]}", FileStatus.MALFORMED, "an answer that is none"),
        (WELL.replace("'signed': []", "'signed': [1]"), FileStatus.MALFORMED, "an answer that is none"),
        ("return {'error': 'nobody knows'}", FileStatus.MALFORMED, "an answer that is none"),
        ("return {'error': 'malformed', 'words': '\\ud800'}", FileStatus.MALFORMED, "an answer that is none"),
        (
            "deep = b'[' * 50_000\nos.write(0, len(deep).to_bytes(4, 'big') + deep)",
            FileStatus.MALFORMED,
            "is none",
        ),
        ("os.write(0, b'\\xff\\xff\\xff\\xff')\ntime.sleep(60)", FileStatus.MALFORMED, "an answer that is too large"),
        ("raise KeyError(body)", FileStatus.ERROR, "KeyError while parsing"),
    ],
)
def test_whatever_becomes_of_a_child_is_told_of_those_bytes(code: str, status: FileStatus, words: str) -> None:
    """It dies, hangs, goes beyond its limits or says what is no answer: a status with its reason, and others go on."""
    parsing = SealedParsing(behaving(code), patience=0.5)
    try:
        with pytest.raises(ParserFailure, match=words) as failed:
            leaf_of(parsing, LEAF.pem)
        assert failed.value.status is status
        with pytest.raises(ParserFailure, match=words):  # held against the same bytes for a while
            leaf_of(parsing, LEAF.pem)
        found = parsing.authority_file(CA.pem)
        assert isinstance(found, Later)
        assert found.value() == OWN.authority_file(CA.pem)
    finally:
        parsing.close()


def test_what_the_library_says_is_told_in_one_short_line() -> None:
    parsing = SealedParsing(behaving("raise ValueError('so\\n' + 'x' * 300)"))
    try:
        with pytest.raises(CertificateError) as raised:
            leaf_of(parsing, LEAF.pem)
        assert str(raised.value) == f"so {'x' * 197}"
    finally:
        parsing.close()


def test_what_is_nested_deeper_than_it_can_be_parsed_is_malformed() -> None:
    parsing = SealedParsing(behaving("raise RecursionError('too deep')"))
    try:
        with pytest.raises(CertificateError, match=r"^too deep$"):
            leaf_of(parsing, LEAF.pem)
    finally:
        parsing.close()


def test_a_child_that_cannot_be_started_leaves_no_socket_behind() -> None:
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(ValueError, match="null byte") as raised:
        ParserProcess("\0")
    assert set(os.listdir("/proc/self/fd")) <= before, raised  # whoever holds the error holds what it was about


def leaf_of(parsing: Parsing, content: bytes) -> object:
    found = parsing.certificate_file(content)
    return found.value() if isinstance(found, Later) else found


ESCAPES = """
said = []
for name, attempt in (
    ("read", lambda: os.open("/etc/passwd", os.O_RDONLY)),
    ("list", lambda: os.listdir("/")),
    ("write", lambda: os.open("/tmp/x", os.O_WRONLY | os.O_CREAT)),
    ("connect", lambda: socket.create_connection(("127.0.0.1", PORT))),
    ("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    ("pipe", os.pipe),
    ("execute", lambda: os.execv("/bin/true", ["true"])),
    ("signal", lambda: os.kill(os.getppid(), 0)),
    ("read again", lambda: (os.close(0), os.open("/etc/passwd", os.O_RDONLY))),
):
    try:
        attempt()
        said.append(name)
    except OSError:
        pass
os._exit(len(said))
"""


@pytest.mark.skipif(landlock_abi() < 6, reason="this kernel's Landlock keeps no signals in")
def test_a_child_can_do_nothing_but_answer() -> None:
    """No file, no connection, no program, no signal; also where it gives up its only descriptor for another."""
    parsing = SealedParsing(behaving(ESCAPES.replace("PORT", "9")))
    try:
        with pytest.raises(ParserFailure, match="ended with status 0, 3 times"):
            leaf_of(parsing, LEAF.pem)
    finally:
        parsing.close()


def test_it_has_neither_rights_nor_room() -> None:
    """No capability, no core, no dump, no new privilege; little memory and processor time, one descriptor."""
    child = ParserProcess()
    try:
        with open(f"/proc/{child.pid}/status", encoding="ascii") as lines:
            has = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        with open(f"/proc/{child.pid}/limits", encoding="ascii") as lines:
            limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
        assert {has[f"Cap{one}"].strip("0") for one in ("Inh", "Prm", "Eff", "Amb")} == {""}
        assert has["NoNewPrivs"] == "1"
        zero = ["0", "0"]
        assert limits["Max core file size"] == limits["Max file size"] == limits["Max processes"] == zero
        assert limits["Max open files"] == ["1", "1"]
        assert int(limits["Max address space"][1]) < 256 << 20
        assert int(limits["Max cpu time"][1]) <= 120
        assert child.sealed["landlock"] == landlock_abi()
        assert os.readlink(f"/proc/{child.pid}/cwd") == "/"
    finally:
        child.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child.pid, 0)


def test_one_that_was_killed_or_idle_is_followed_by_another() -> None:
    """Whatever ended it between two requests, the next one is answered."""
    children: list[ParserProcess] = []

    def start() -> ParserProcess:
        children.append(ParserProcess(idle=0.2))
        return children[-1]

    parsing = SealedParsing(start)
    try:
        for killed in (True, False):
            content = LEAF.pem + (b"# killed\n" if killed else b"")
            assert leaf_of(parsing, content) == OWN.certificate_file(content)
            if killed:
                os.kill(children[-1].pid, signal.SIGKILL)
            else:
                children[-1].wait_until_ended()
        assert leaf_of(parsing, CA.pem) == OWN.certificate_file(CA.pem)
        assert len(children) >= 3
    finally:
        parsing.close()


def test_the_same_bytes_are_parsed_once() -> None:
    """By what they are, and not by where they were read: that can be no former state of a file."""
    parsing = SealedParsing(behaving(f"signal.alarm(0)\n{WELL}"))
    try:
        first = leaf_of(parsing, LEAF.pem)
        assert first is leaf_of(parsing, LEAF.pem)
        assert first is not leaf_of(parsing, LEAF.pem + b"\n")
        with pytest.raises(CertificateError):
            parsing.served_chain([LEAF.pem])
    finally:
        parsing.close()


class Counted(ParserProcess):
    """Remembers what it was asked for."""

    asked: ClassVar[list[bytes]] = []

    def ask(self, kind: bytes, body: bytes, patience: float) -> bytes | None:
        self.asked.append(kind)
        return super().ask(kind, body, patience)


def test_who_signed_a_file_is_told_with_it() -> None:
    """By the CAs that are known by then, in one answer; of others it is asked, whoever signed."""
    Counted.asked.clear()
    parsing = SealedParsing(Counted)
    former = Authority.cluster(T0, number=1)
    other = OWN.authority_file(former.pem).certificates[0]
    try:
        found = parsing.authority_file(CA.pem)
        assert isinstance(found, Later)
        (authority,) = found.value().certificates
        (leaf, *_) = cast("CertificateFile", leaf_of(parsing, LEAF.pem)).certificates
        assert Counted.asked == [b"A", b"L"]
        assert parsing.signed_by(leaf, authority)
        assert Counted.asked == [b"A", b"L"]
        assert [parsing.signed_by(leaf, other), OWN.signed_by(leaf, other)] == [False, False]
        assert Counted.asked == [b"A", b"L", b"S"]
        foreign = former.kubelet_client("aks-1", T0).pem
        (stranger,) = cast("CertificateFile", leaf_of(parsing, foreign)).certificates
        assert not parsing.signed_by(stranger, authority)
        assert Counted.asked == [b"A", b"L", b"S", b"L"]
    finally:
        parsing.close()


def test_where_no_child_can_be_started_that_is_told() -> None:
    """As where a filter forbids execve, or the container's limit of processes is reached."""

    def refused() -> ParserProcess:
        raise PermissionError(1, "Operation not permitted")

    with pytest.raises(ParserFailure, match="cannot be started: Operation not permitted") as failed:
        leaf_of(SealedParsing(refused), LEAF.pem)
    assert failed.value.status is FileStatus.ERROR


def test_a_signature_that_nobody_could_verify_is_told_of_its_certificate() -> None:
    """And not as one that does not verify."""
    code = behaving("os._exit(1)").args[0].replace("b'L': act", "b'S': act")
    parsing = SealedParsing(partial(ParserProcess, code))
    leaf, authority = OWN.served_chain([DER]), OWN.authority_file(CA.pem).certificates
    try:
        with pytest.raises(ParserFailure, match="its signature: the parser ended") as failed:
            parsing.signed_by(leaf[0], authority[0])
        assert failed.value.certificate == leaf[0]
        stranger = Certificate(T0, T0, "", "", "1", "f", "", "", "", b"", None)
        assert not parsing.signed_by(stranger, authority[0])
    finally:
        parsing.close()


def test_the_agents_side_goes_without_the_library() -> None:
    """Nothing that the node agent imports imports the library that parses."""
    code = (
        "import sys\n"
        "import exporter.agents.node.agent, exporter.cli, exporter.pages.node_page, exporter.documents.node_document\n"
        "import exporter.findings.host\n"
        "print([name for name in sys.modules if name.startswith('cryptography')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
