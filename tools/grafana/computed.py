"""A question in, what each panel shows out, by the title of the panel: computed by `@grafana/data` in Node."""

import json
import subprocess

from tools.grafana.packages import bundles, node
from tools.grafana.questions import Json

__all__ = ["GENERATIONS", "computed"]

GENERATIONS = (12, 10)
"""Of Grafana, whose packages are there."""


def computed(asked: Json, generation: int = 12, *, dark: bool = True) -> dict[str, Json]:
    """What the panels show, as source/compute.js describes it. Raises RuntimeError with Node's words."""
    command = [node(), str(bundles() / f"compute-{generation}.cjs")]
    answer = subprocess.run(
        command, input=json.dumps(asked | {"dark": dark}), capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    return {panel["title"]: panel for panel in json.loads(answer.stdout)}
