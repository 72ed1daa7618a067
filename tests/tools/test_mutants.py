"""Planting faults: what is planted, what is kept of it, and that both lists are true."""

import json
import re
from pathlib import Path

import coverage
import promql_parser

from tools.generated import ROOT
from tools.mutants import chart, code, promql, python, results, rules, table
from tools.mutants.mutant import Mutant
from tools.mutants.results import Measured
from tools.mutants.selection import MOST, SLOW, Selection
from tools.mutants.trial import drawn, present
from tools.rules import groups

EXPRESSION = """max by (a, b) (last_over_time(x{c=~"d|e", f!="g"}[5m] offset 1h)) < time() - 2 * 60
unless on (a, b) sum by (a) (y) == 0"""


def test_an_expression_is_written_as_it_was_read() -> None:
    for group in groups():
        for rule in group.rules:
            written = promql_parser.parse(promql.text(rule.expression))
            assert written.prettify() == promql_parser.parse(rule.expression).prettify()


def test_every_kind_of_fault_is_planted_in_an_expression() -> None:
    planted = dict(promql.variants(EXPRESSION))
    assert {
        "drop a of max by (a, b)",
        "max by (a, b) becomes min",
        'drop c=~"d|e" of x',
        'drop d of c=~"d|e" of x',
        "drop offset of x",
        "triple offset of x",
        "triple [5m] of x",
        "drop look-back of x",
        "120 times 1.5",
        "120 divided by 1.5",
        "- becomes +",
        "< becomes >",
        "== becomes !=",
        "drop == 0",
        "only the left of unless",
        "only the right of unless",
        "drop b of unless on (a, b)",
        "sum by (a) becomes max",
    } <= set(planted)
    assert planted["120 times 1.5"].endswith("< time() - 180 unless on (a, b) sum by (a) (y{}) == 0")
    for expression in planted.values():
        promql_parser.parse(expression)


SOURCE = '''
"""Docs."""
LIMITS = (1, 20.0)
Rows = tuple[str, ...] | None
T = TypeVar("T")

@dataclass(frozen=True, slots=True)
class Record(Struct, frozen=True, tag="kind"):
    whole: bool

@lru_cache(maxsize=512)
def f(a: int, b: int, *, c: str = "word") -> bool:
    """Docs."""
    log.warning("not touched", a)
    if a < b and c:
        g(a, b, key=True)
        raise ValueError("prose is left alone")
    cast("Type", a)
    return a in {1, 2} or a + b == 3
'''


def test_every_kind_of_fault_is_planted_in_code() -> None:
    planted = {(one.function, one.what): one.source for one in python.planted(SOURCE)}
    assert {
        ("", "(1, 20.0) → (20.0,)"),
        ("", "20.0 → 21.0"),
        ("", "20.0 → 10.0"),
        ("Record", "\"kind\" → 'XXkind'"),
        ("f", "'word' → 'XXword'".replace("'word' →", '"word" →')),
        ("f", "a < b → a <= b"),
        ("f", "a < b → a > b"),
        ("f", "a < b and c → (a < b) or (c)"),
        ("f", "a < b and c → (c)"),
        ("f", "a < b and c → not (a < b and c)"),
        ("f", "g(a, b, key=True) → g(b, a, key=True)"),
        ("f", "g(a, b, key=True) → g(a, b)"),
        ("f", "g(a, b, key=True) → pass"),
        ("f", 'raise ValueError("prose is left alone") → pass'),
        ("f", "a in {1, 2} or a + b == 3 → None"),
        ("f", "a in {1, 2} → a not in {1, 2}"),
        ("f", "a + b → a - b"),
        ("f", "a + b == 3 → a + b != 3"),
    } <= set(planted)
    assert not [what for _, what in planted if "touched" in what or "Docs" in what or "XXprose" in what]
    assert [what for where, what in planted if where == "Record"] == ["\"kind\" → 'XXkind'"]
    assert not [what for _, what in planted if "512" in what or "dataclass" in what]
    assert not [
        what for _, what in planted if "XXType" in what or "TypeVar" in what or "XXT" in what or "str, ..." in what
    ]
    assert ("f", 'cast("Type", a) → pass') in planted
    for source in planted.values():
        compile(source, "planted", "exec")


def test_a_fault_has_a_name_of_its_own() -> None:
    for room in ("rules", "chart", "web"):
        names = [one.mutant.name for one in present(room)]
        assert len(names) == len(set(names)) > 100


def open_blocks(template: str) -> int:
    return len(re.findall(r"\{\{-? (?:if|with|range|define) ", template)) - len(re.findall(r"\{\{-? end ", template))


def test_a_fault_of_the_chart_leaves_no_block_open() -> None:
    for one in chart.mutants():
        assert open_blocks(one.mutant.planted) == 0, one.mutant.name


def test_the_same_seed_draws_the_same_whatever_else_there_is() -> None:
    every = present("chart")
    chosen = drawn(every, 10, "a")
    assert set(drawn(every[::-1], 10, "a")) == set(chosen) != set(drawn(every, 10, "b"))
    fewer = [one for one in every if one != chosen[0]]
    assert set(chosen[1:]) <= set(drawn(fewer, 10, "a"))


def test_a_rule_that_was_spoiled_is_noticed_and_one_as_shipped_is_not() -> None:
    rule = next(rule for group in groups() for rule in group.rules if rule.alert == "AksCertCsrFlood")
    place = f"{rule.alert}/{rule.severity}"
    planted = [
        Mutant("rules", place, "nothing", rule.expression),
        Mutant("rules", place, "for doubled", "1800s"),
        Mutant("rules", place, "turned", rule.expression.replace("> 0", "< 0")),
    ]
    nothing, doubled, turned = rules.caught(planted)
    assert nothing == ""
    assert "FAILED" in doubled
    assert "silent of" in turned


def test_no_fault_that_a_test_noticed_is_listed_as_one_that_nobody_could() -> None:
    for room, measured in results.read().items():
        noticed = {name for name, (_, killer) in measured.tried.items() if killer}
        assert noticed & results.excused(room) == set()


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    file_of_one = "exporter/facts/x.py"
    one = Measured(
        "facts",
        10,
        {
            "facts.x.f: y": (file_of_one, "tests/x.py::test"),
            "facts.x: y": (file_of_one, "tests/x.py::test"),
            "facts.x.f: z": (file_of_one, ""),
        },
    )
    other = Measured("chart", 3, {"a.yaml: drop b": ("helm/a.yaml", "tests/chart"), "A/warning: c": ("", "")})
    results.write([one], file)
    results.write([other], file)
    assert results.read(file) == {"facts": one, "chart": other}
    assert results.unnoticed(one) == ["facts.x.f: z"]
    assert set(json.loads(file.read_text())) == {"facts", "chart"}
    assert json.loads(file.read_text())["facts"]["tried"] == {
        file_of_one: {"": [".f: z"], "tests/x.py::test": [".f: y", ": y"]}
    }


def test_the_page_says_what_was_measured() -> None:
    for generated in table.GENERATED:
        assert generated.wanted() == generated.written(), "run `make generate`"


def test_the_tests_for_a_line_are_those_that_ran_it(tmp_path: Path) -> None:
    """Those that run least go first, those that wait last. A fault that nothing runs has no test."""
    name, here = "exporter/findings/limits.py", "tests/tools/test_mutants.py"
    little, much, gone = (
        f"{here}::test_{one}"
        for one in ("the_page_says_what_was_measured", "a_fault_has_a_name_of_its_own", "that_was_removed")
    )
    data = coverage.CoverageData(str(tmp_path / "data"))
    for context, lines in ((f"{little}[x]", [3]), (much, [3, 4]), (gone, [3])):
        data.set_context(f"{context}|run")
        data.add_lines({str(ROOT / name): lines})
    data.write()
    selection = Selection.read(tmp_path / "data")
    assert selection.lines(name)[3] == [much, f"{little}[x]"]
    fault = next(iter(code.of_file(name)))
    assert selection.tests(fault)[:2] == [f"{little}[x]", much]
    assert selection.tests(fault, much)[:2] == [much, f"{little}[x]"]
    assert selection.tests(fault, gone)[:2] == [f"{little}[x]", much]
    times = [
        f'<testcase classname="tests.tools.test_mutants" name="{one}" time="{time}" />'
        for one, time in (
            (f"{little.split('::')[1]}[x]", SLOW + 0.1),
            (much.split("::")[1], SLOW),
        )
    ]
    (tmp_path / "data.xml").write_text(f"<testsuites><testsuite>{''.join(times)}</testsuite></testsuites>")
    assert Selection.read(tmp_path / "data").tests(fault)[:2] == [much, f"{little}[x]"]
    data.set_context(f"{much}|run")
    data.add_lines({str(ROOT / name): [fault.line]})
    data.set_context(f"{little}[x]|run")
    data.add_lines({str(ROOT / name): [fault.line]})
    data.write()
    few = Selection.read(tmp_path / "data").tests(fault)
    assert few[0] == much
    # One that failed is not measured: those of the module's own file go before one that waits.
    assert few[1].startswith("tests/findings/test_limits.py::")
    assert few.index(f"{little}[x]") > 10


def test_every_module_is_in_a_room() -> None:
    assert sorted(file for room in code.ROOMS for file in code.files(room)) == sorted(
        file.relative_to(ROOT).as_posix() for file in (ROOT / "exporter").rglob("*.py")
    )
    places = ("facts/kube", "web/app.py", "check", "metric.py", "exporter", "rules")
    assert [code.room_of(one) for one in places] == ["facts", "web", "check", "exporter", "exporter", "rules"]


def test_the_tests_for_a_constant_are_those_of_the_lines_that_name_it(tmp_path: Path) -> None:
    """Here, and in a module that imports it; of a module without such a line, any that runs it."""
    name, here = "exporter/web/negotiation.py", "tests/tools/test_mutants.py"
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    uses = next(number for number, line in enumerate(lines, 1) if "= _OFFERS[" in line)
    by_name, other = (
        f"{here}::test_{one}" for one in ("the_page_says_what_was_measured", "what_is_kept_is_read_again")
    )
    data = coverage.CoverageData(str(tmp_path / "data"))
    for context, ran in ((by_name, [uses, uses + 1, uses + 2]), (other, [uses + 1])):
        data.set_context(f"{context}|run")
        data.add_lines({str(ROOT / name): ran})
    data.write()
    selection = Selection.read(tmp_path / "data")
    faults = list(code.of_file(name))
    offers = next(one for one in faults if "Format.TEXT" in one.mutant.what)
    assert selection.tests(offers)[0] == by_name
    assert selection.tests(offers)[1].startswith("tests/web/test_negotiation.py::")
    items = next(one for one in faults if one.mutant.what == "64 → 65")
    assert selection.tests(items)[0] == other


def test_the_tests_for_what_only_processes_run_are_those_that_speak_of_it(tmp_path: Path) -> None:
    """No context tells which they are; those named after the module go first."""
    data = coverage.CoverageData(str(tmp_path / "data"))
    data.set_context("tests/tools/test_mutants.py::test_a_fault_has_a_name_of_its_own|run")
    data.add_lines({str(ROOT / "exporter/reason.py"): [3]})
    data.write()
    selection = Selection.read(tmp_path / "data")
    for place, test in (
        ("check/cluster_look.py", "tests/check/test_cluster_look"),
        ("sources/kube/node_proxy.py", "tests/sources/kube/test_node_proxy"),
        ("agents/node/confinement.py", "tests/agents/test_confinement"),
    ):
        chosen = selection.tests(next(iter(code.of_file(f"exporter/{place}"))))
        assert any(one.startswith(test) for one in chosen[:12]), place
        assert len(chosen) <= MOST
