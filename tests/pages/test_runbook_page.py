"""The runbooks as the agents serve them."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from exporter.pages.runbook_page import _meaning, runbook_document
from exporter.pages.runbooks import runbook_names, runbook_text
from tests.pages.document import check, read
from tests.pages.example import NOW

ROOT = Path(__file__).parents[2]
FILES = {file.stem: file for file in (ROOT / "docs" / "runbooks").glob("*.md")}


def page(name: str) -> str:
    found = runbook_document(name, NOW)
    assert found is not None
    assert dict(found.headers)["content-security-policy"].startswith("default-src 'none'")
    return found.body.decode()


@pytest.mark.parametrize("name", FILES)
def test_every_runbook_is_a_page_with_its_headings_commands_and_links(name: str) -> None:
    html = page(name)
    check(html)
    reader = read(html)
    text = FILES[name].read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert name in reader.text
    assert not any("<!--" in part for part in reader.text)
    assert all(heading in reader.text for heading in headings)
    assert [tag for tag, _ in reader.elements].count("pre") == len(re.findall(r"^ *```\w+$", text, re.MULTILINE))
    for target in (attributes["href"] or "" for tag, attributes in reader.elements if tag == "a"):
        other = re.fullmatch(r"(AksCert\w+)\.md(#.*)?", target)
        assert other is None or other[1] in FILES
        assert not re.match(r"\.\./(?!metrics|facts|runbooks/)", target), target


def test_a_name_is_accepted_with_and_without_its_ending() -> None:
    assert page("AksCertExpired") == page("AksCertExpired.md")


@pytest.mark.parametrize(
    "name",
    ["AksCertNone", "akscertexpired", "../runbooks/AksCertExpired", "AksCertExpired.md.md", "..", "AksCertExpired\0"],
)
def test_any_other_name_has_no_page(name: str) -> None:
    assert runbook_document(name, NOW) is None
    assert runbook_text(name) is None


@pytest.mark.parametrize("more", ["", " And a second."])
def test_what_an_alert_means_is_its_first_sentence(more: str) -> None:
    assert _meaning(f"# A\n\n## Meaning\n\nThe `one`\nsentence.{more}\n\n## Impact\n") == "The one sentence."


def test_the_list_leads_to_every_runbook() -> None:
    html = page("")
    check(html)
    links = [attributes.get("href") for tag, attributes in read(html).elements if tag == "a"]
    name = "AksCertExpired"
    assert f'<li><a href="{name}">{name}</a><br>' in html
    assert set(runbook_names()) == FILES.keys() <= set(links)
    assert "A kubelet's or the API server's certificate is past its notAfter.</li>" in html.replace("&#39;", "'")


def test_an_installed_package_has_them_beside_itself(tmp_path: Path) -> None:
    """As the wheel is built: there is no docs/ beside it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (where,) = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].values()
    package = tmp_path / where
    package.parent.mkdir(parents=True)
    for file in ("exporter/__init__.py", "exporter/pages/__init__.py", "exporter/pages/runbooks.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    shutil.copytree(ROOT / "docs" / "runbooks", package)
    (package / "README.md").write_text("# Of no alert")
    code = "from exporter.pages.runbooks import runbook_names; print(*runbook_names())"
    command = [sys.executable, "-Pc", code]
    ran = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == sorted(FILES), ran.stderr
