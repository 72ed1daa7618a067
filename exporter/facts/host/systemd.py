"""Systemd's files in, a service's command line out: unit file and drop-ins, environment files, `$NAME` and `${NAME}`.

Written after systemd.service(5), systemd.exec(5) and systemd's src/basic/env-file.c. Nothing is expanded inside an
environment file: what `KUBELET_FLAGS=$OTHER` gives a service is the five letters and the dollar sign.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["ServiceUnit", "StartCommand", "command", "environment_file", "expanded", "quoted_words", "service_unit"]

_WHITESPACE, _NEWLINE = " \t\n\r", "\n\r"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXPANSION = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PREFIXES = "@-:+!|"
"""Before the executable's path in ExecStart=."""


@dataclass(frozen=True, slots=True)
class ServiceUnit:
    """The lines of the [Service] section that make a command line, of one file, in its order."""

    assignments: tuple[tuple[str, str], ...]
    """`ExecStart`, `Environment` and `EnvironmentFile` with their values; continued lines are joined."""


@dataclass(frozen=True, slots=True)
class StartCommand:
    """What systemd starts."""

    words: tuple[str, ...] = field(repr=False)
    """The executable and its arguments; empty where no ExecStart is there."""
    missing_files: tuple[str, ...] = ()
    """Environment files that are named, not optional, and whose content is not known."""


def service_unit(content: bytes) -> ServiceUnit:
    """The [Service] section of a unit file or of a drop-in. Raises ValueError where the bytes are no text.

    As systemd does, it passes over a line that is no assignment or is in no section.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    if "\0" in text:
        raise ValueError("not a text")
    section = ""
    found: list[tuple[str, str]] = []
    pending: list[str] = []
    for raw in f"{text}\n".split("\n"):  # a continued line may be the last
        line = raw.strip(_WHITESPACE)
        if line[:1] in ("#", ";"):
            continue  # also between the lines of a continued assignment
        if line.endswith("\\"):
            pending.append(line[:-1])
            continue
        line, pending = " ".join([*pending, line]), []
        if not line:
            continue
        if line.startswith("["):
            section = line
            continue
        key, equals, value = line.partition("=")
        if equals and section == "[Service]" and key.strip() in {"ExecStart", "Environment", "EnvironmentFile"}:
            found.append((key.strip(), value.strip(_WHITESPACE)))
    return ServiceUnit(tuple(found))


def command(units: Iterable[ServiceUnit], files: Mapping[str, Mapping[str, str] | None]) -> StartCommand:
    """The command line of a service: `units` is its unit file and then its drop-ins in the order of their names.

    `files`: the content of environment files by path, None where it could not be read. An empty assignment forgets the
    ones before it; what an environment file sets beats `Environment=`. Of several ExecStart the last counts, a simple
    service has but one.
    """
    start = ""
    environment: dict[str, str] = {}
    paths: list[str] = []
    for key, value in (assignment for unit in units for assignment in unit.assignments):
        if key == "ExecStart":
            start = value
        elif key == "EnvironmentFile":
            paths = paths if value else []
            paths += [value] if value else []
        elif value:
            pairs = (word.partition("=") for word in quoted_words(value))
            environment |= {name: text for name, equals, text in pairs if equals and _NAME.fullmatch(name)}
        else:
            environment = {}
    missing = []
    for path in paths:
        content = files.get(path.removeprefix("-"))
        environment |= content or {}
        if content is None and not path.startswith("-"):
            missing.append(path)
    words = quoted_words(start.lstrip(_PREFIXES))
    return StartCommand(tuple(expanded(words, environment)), tuple(missing))


def expanded(words: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Words with the variables put in: `$NAME` as a word of its own becomes as many words as its value has."""
    found: list[str] = []
    for word in words:
        if word.startswith("$") and _NAME.fullmatch(word[1:]):
            found += quoted_words(environment.get(word[1:], ""))
        else:
            found.append(_EXPANSION.sub(lambda m: environment.get(m[1], "") if m[1] else "$", word))
    return found


def quoted_words(text: str) -> list[str]:
    """Text split at white space; quotes hold words together, a backslash takes the next character as it is.

    A quote that is never closed ends with the text, as systemd reads the value of a variable (EXTRACT_RELAX).
    """
    words: list[str] = []
    word: list[str] | None = None
    quote, escaped = "", False
    for character in text:
        if not (escaped or quote) and character in _WHITESPACE:
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if escaped:
            word.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        else:
            word.append(character)
    return words if word is None else [*words, "".join(word)]


def environment_file(content: bytes) -> dict[str, str]:
    """The variables of an environment file. A line that is no assignment, or whose name is none, is passed over."""
    found: dict[str, str] = {}
    text = content.decode("utf-8", errors="replace")
    position = 0
    while position < len(text):
        if text[position] in _WHITESPACE:
            position += 1
        elif text[position] in "#;":
            position = _line_end(text, position)
        else:
            name, position = _name(text, position)
            if name is not None:
                value, position = _value(text, position)
                if _NAME.fullmatch(name):
                    found[name] = value
    return found


def _line_end(text: str, position: int) -> int:
    while position < len(text) and text[position] not in _NEWLINE:
        position += 1
    return position


def _name(text: str, position: int) -> tuple[str | None, int]:
    """What comes before `=`, and the place behind it; None where the line has none."""
    end = _line_end(text, position)
    equals = text.find("=", position, end)
    return (None, end) if equals < 0 else (text[position:equals].rstrip(_WHITESPACE), equals + 1)


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that begins there, and the place behind it. Quotes count only at its beginning or after one another."""
    value, plain = list[str](), False
    while position < len(text) and text[position] not in _NEWLINE:
        character = text[position]
        if character == "\\":
            following = text[position + 1 : position + 2]
            value.append("" if following in _NEWLINE else following)  # "" too: the text's end
            plain, position = True, position + 2
        elif not plain and character in "\"'":
            inside, position = _quoted(text, position + 1, character)
            value.append(inside)
        else:
            if plain or character not in _WHITESPACE:
                value.append(character)
                plain = True
            position += 1
    found = "".join(value)
    return (found.rstrip(_WHITESPACE) if plain else found), position


def _quoted(text: str, position: int, quote: str) -> tuple[str, int]:
    value = list[str]()
    while position < len(text) and text[position] != quote:
        if quote == '"' and text[position] == "\\":
            following = text[position + 1 : position + 2]
            value.append(following if following in '"\\`$' else "" if following == "\n" else "\\" + following)
            position += 2
        else:
            value.append(text[position])
            position += 1
    return "".join(value), position + 1
