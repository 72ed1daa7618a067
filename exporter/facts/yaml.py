"""YAML bytes in, plain values out: no aliases, no tags, bounded depth (a kubeconfig is small and flat)."""

import re

import yaml

__all__ = ["document"]


_QUOTED = re.compile(r"""(?s)'.*'|".*\"""")


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases: with merge keys a page of them grows without bound."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def document(content: bytes) -> object:
    """The first document of YAML or JSON bytes. Raises ValueError with a one-line message that quotes none of them.

    What follows it is not looked at, as in the kubelet (sigs.k8s.io/yaml): a `---` at the end begins another one.
    The pure Python parser is used on purpose: on deep nesting it raises, where a compiled one may exhaust the C stack.
    """
    try:
        documents = yaml.load_all(content.decode("utf-8-sig"), Loader=_Loader)
        return next(documents, None)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deep") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        words = _QUOTED.sub("…", " ".join(problem.split()))  # a token may be where an anchor or a tag would
        raise ValueError(f"not YAML: {where}{words}") from None
    except (ValueError, OverflowError, TypeError):  # such as a date of month 13 or an unhashable key
        raise ValueError("not YAML: a value cannot be one") from None
