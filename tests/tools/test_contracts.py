"""Each import contract fails where one import breaks it."""

import ast
import copy
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in SETTINGS["contracts"]}
PURE = "Facts, findings and families do no input or output, and read no clock"
PRODUCT = "The product never imports the simulation, the tools or the tests"
KUBERNETES = "Only sources/kube imports the Kubernetes client"
AZURE = "Only sources/azure imports the Azure SDK"
NODE = "The node agent never imports what only the cluster agent needs"
LIBRARY = "Only four modules of facts import the X.509 library"
LAYERS = "Layers look down only, and siblings do not know one another"
SIMULATION = "The parts of the simulation look down only"

PLANTED = [
    *(
        (PURE, module, forbidden)
        for module in ("exporter.facts.pem", "exporter.findings.limits", "exporter.families.csr")
        for forbidden in CONTRACTS[PURE]["forbidden_modules"]
    ),
    *((PRODUCT, "exporter.cli", one) for one in ("simulation.pki", "tools", "tests", "benchmarks")),
    (KUBERNETES, "exporter.agents.cluster.agent", "kubernetes"),
    (KUBERNETES, "exporter.sources.kubelets.ask", "kubernetes"),
    (AZURE, "exporter.agents.cluster.azure_look", "azure"),
    (AZURE, "exporter.sources.kube.access", "azure"),
    (AZURE, "exporter.check.azure", "msal"),
    *((NODE, "exporter.agents.node.agent", one) for one in ("kubernetes", "azure", "msal", "msgspec", "requests")),
    (NODE, "exporter.sources.tls", "msgspec"),  # which the node agent imports
    (LIBRARY, "exporter.facts.certificate", "cryptography"),
    (LIBRARY, "exporter.agents.node.agent", "cryptography"),
    (LAYERS, "exporter.facts.pem", "exporter.findings.limits"),
    (LAYERS, "exporter.findings.limits", "exporter.families.csr"),
    (LAYERS, "exporter.families.csr", "exporter.sources.tls"),
    (LAYERS, "exporter.web.app", "exporter.pages.page"),
    (LAYERS, "exporter.pages.page", "exporter.agents.periodic"),
    (LAYERS, "exporter.agents.periodic", "exporter.check.report"),
    (LAYERS, "exporter.check.report", "exporter.cli"),
    (SIMULATION, "simulation.node.scenarios", "simulation.api.objects"),
    (SIMULATION, "simulation.pki", "simulation.node.linux"),
    (SIMULATION, "simulation.api.server", "simulation.demo.summary"),
]
ALLOWED = [
    (KUBERNETES, "exporter.sources.kube.access", "kubernetes"),
    (AZURE, "exporter.sources.azure.access", "azure"),
    (LIBRARY, "exporter.facts.x509", "cryptography"),
    (LAYERS, "exporter.cli", "exporter.facts.pem"),
]


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    configuration.configure()
    roots = SETTINGS["root_packages"]
    return grimp.build_graph(*roots, include_external_packages=True, cache_dir=None)


def kept(name: str, imports: grimp.ImportGraph) -> bool:
    contract = CONTRACTS[name]
    kind = {"forbidden": ForbiddenContract, "layers": LayersContract}[contract["type"]]
    options = {key: str(value) if isinstance(value, bool) else value for key, value in contract.items()}
    session: dict[str, Any] = {key: str(value) if isinstance(value, bool) else value for key, value in SETTINGS.items()}
    return kind(name, session, options).check(imports, verbose=False).kept


def with_import(imports: grimp.ImportGraph, module: str, imported: str) -> grimp.ImportGraph:
    planted = copy.deepcopy(imports)
    assert module in planted.modules
    if imported not in planted.modules:
        planted.add_module(imported, is_squashed=True)
    planted.add_import(importer=module, imported=imported, line_number=1, line_contents=f"import {imported}")
    return planted


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_product_keeps_each_contract_and_its_name_is_a_sentence(name: str, imports: grimp.ImportGraph) -> None:
    assert kept(name, copy.deepcopy(imports))
    assert name[0].isupper()
    assert len(name.split()) > 4


@pytest.mark.parametrize(("name", "module", "imported"), PLANTED)
def test_one_forbidden_import_breaks_a_contract(
    name: str, module: str, imported: str, imports: grimp.ImportGraph
) -> None:
    assert not kept(name, with_import(imports, module, imported))


@pytest.mark.parametrize(("name", "module", "imported"), ALLOWED)
def test_an_import_where_it_belongs_breaks_none(
    name: str, module: str, imported: str, imports: grimp.ImportGraph
) -> None:
    assert kept(name, with_import(imports, module, imported))


def test_every_contract_is_shown_to_fail() -> None:
    assert {name for name, _, _ in PLANTED} == set(CONTRACTS)


def clocks_and_files(source: str) -> list[str]:
    """Calls that need no import: built-in functions that read or write, and the clock of datetime."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    names = [one.id for one in calls if isinstance(one, ast.Name)]
    methods = [one.attr for one in calls if isinstance(one, ast.Attribute)]
    return [
        *(name for name in names if name in {"open", "print", "input", "breakpoint", "exec", "eval", "__import__"}),
        *(name for name in methods if name in {"now", "utcnow", "today"}),
    ]


def test_what_needs_no_import_is_not_called_either() -> None:
    """`open` and `datetime.now` are a call away."""
    assert clocks_and_files("import datetime\nopen('x')\ndatetime.datetime.now()") == ["open", "now"]
    found = {
        str(path.relative_to(ROOT)): calls
        for layer in ("facts", "findings", "families")
        for path in sorted((ROOT / "exporter" / layer).rglob("*.py"))
        if (calls := clocks_and_files(path.read_text()))
    }
    assert found == {}


def test_no_two_classes_of_the_product_share_a_name() -> None:
    """A name in a traceback or a search leads to one place. Private ones are a module's own affair."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "exporter").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_layout_in_the_documents_is_that_of_the_product() -> None:
    """docs/architecture.md names every package, and none that is gone."""
    layout = (ROOT / "docs/architecture.md").read_text().split("```")[1]
    named = {line.split()[0] for line in layout.splitlines() if line.startswith("  ")}
    packages = {f"{path.parent.name}/" for path in (ROOT / "exporter").glob("*/__init__.py")}
    assert {name for name in named if name.endswith("/")} == packages
    assert all((ROOT / "exporter" / name).exists() for name in named)
