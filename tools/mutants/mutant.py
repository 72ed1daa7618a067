"""One planted fault."""

from dataclasses import dataclass

__all__ = ["Located", "Mutant", "function", "module"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault planted in one place. Room, place and what name it, and stay the same while its surroundings change."""

    room: str
    """rules, chart, a package of exporter/, or exporter."""
    place: str
    """Alert and severity; template and kind; module and function."""
    what: str
    planted: str
    """What is there instead: an expression, a document, the text of a module."""

    @property
    def name(self) -> str:
        """How results and lists refer to it."""
        return f"{self.place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Located:
    """A planted fault and where it is: a file below the root, and a line."""

    mutant: Mutant
    file: str
    line: int


def module(file: str) -> str:
    """What the names of a file's faults begin with: facts.kube.csr."""
    return file.removesuffix(".py").removeprefix("exporter/").replace("/", ".").removesuffix(".__init__")


def function(test: str) -> str:
    """The function of a test: its name without its parameters."""
    return test.split("[", 1)[0]
