"""A value against the types of Grafana's own models (grafana-foundation-sdk): what does not fit, in words."""

import enum
import json
import types
import typing
from collections.abc import Iterator
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

__all__ = ["encoded", "misfits", "parsed"]
MODELS = "grafana_foundation_sdk.models"


def parsed(content: dict[str, Any]) -> model.Dashboard:
    """A dashboard's JSON as Grafana's models; a key that they do not know is lost."""
    plugins.register_default_plugins()
    return model.Dashboard.from_json(content)


def encoded(dashboard: object) -> str:
    """The models as JSON again."""
    return JSONEncoder(sort_keys=True).encode(dashboard)


def misfits(value: Any, hint: Any, where: str) -> Iterator[str]:
    """Values of another type than the model declares. Words of an enumeration count as its members."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or hint is object:
        if type(value).__module__.startswith(MODELS) and not isinstance(value, enum.Enum):
            yield from misfits(value, type(value), where)
        return
    if origin in (typing.Union, types.UnionType):
        likely = [one for one in arguments if isinstance(one, type) and type(value) is one]
        rest = [one for one in arguments if one is not type(None)] if value is not None else arguments
        every = [list(misfits(value, one, where)) for one in likely or rest]
        if all(every):
            yield from min(every, key=lambda lines: "\n".join(lines).count(" is not a "))
    elif origin in (list, typing.List):  # noqa: UP006 - the models spell it both ways
        if not isinstance(value, list):
            yield f"{where}: {value!r} is not a list"
            return
        for number, one in enumerate(value):
            yield from misfits(one, arguments[0], f"{where}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is not an object"
            return
        for key, one in value.items():
            yield from misfits(one, arguments[1], f"{where}.{key}")
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where}: {value!r} is none of {arguments}"
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{where}: {value!r} is not a number"
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [one.value for one in hint]:
            yield f"{where}: {value!r} is none of {[one.value for one in hint]}"
    elif not isinstance(hint, type):
        raise TypeError(f"{where}: {hint!r} is a kind of type that is not known here")
    elif isinstance(value, dict) and hasattr(hint, "from_json"):  # some lists stay as they were in the models' parser
        model_of = hint.from_json(value)
        yield from (f"{where}.{key} is not known" for key in value.keys() - json.loads(encoded(model_of)).keys())
        yield from misfits(model_of, hint, where)
    elif not isinstance(value, hint):
        yield f"{where}: {value!r} is not a {hint.__name__}"
    elif isinstance(value, enum.Enum):
        return
    elif type(value).__module__.startswith(MODELS):
        hints = typing.get_type_hints(type(value))
        for name, one in vars(value).items():
            yield from misfits(one, hints[name], f"{where}.{name}")
