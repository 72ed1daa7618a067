"""Records what Azure's command line takes, from its own parser: `make record-az` writes tests/commands/az.json.

The package is installed into an environment of its own, which is thrown away: it has hundreds of megabytes and none of
it is a dependency. For each command that people are told to type, the record has every flag with its spellings, how
many values it takes, and whether it has to be given. Commands of extensions are not in the package and not recorded.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from tools.generated import ROOT

__all__ = ["COMMANDS", "RECORD"]

RECORD = ROOT / "tests/commands/az.json"
COMMANDS = (
    *("account set", "aks delete", "aks get-credentials", "aks get-upgrades", "aks list", "aks operation-abort"),
    *("aks nodepool add", "aks nodepool delete", "aks nodepool delete-machines", "aks nodepool list"),
    *("aks nodepool scale", "aks nodepool show", "aks nodepool start", "aks nodepool update", "aks nodepool upgrade"),
    *("aks rotate-certs", "aks show", "aks start", "aks stop", "aks update", "aks upgrade", "extension add"),
    *("feature show", "login", "monitor activity-log list", "network private-dns link vnet list"),
    *("role assignment create", "role assignment list", "vm list", "vm run-command invoke", "vmss list"),
    *("vmss list-instances", "vmss reimage", "vmss restart", "vmss run-command invoke"),
)
"""Those that findings, alerts and runbooks name."""

_READ = '''
import json, sys
from azure.cli.core import __version__, get_default_cli
from azure.cli.core.commands.events import EVENT_INVOKER_POST_LOAD_ARGUMENTS
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args

wanted, identified, cli = json.loads(sys.argv[1]), {}, get_default_cli()

def note(_, commands_loader, **_more):
    """Names that a resource's id may stand for: az makes them optional, and asks for one or the other later."""
    for command in commands_loader.command_table.values():
        parts = [one for one in command.arguments.values() if one.type.settings.get("id_part")]
        identified[command.name] = [one.name for one in parts if one.options.get("required")]

cli.register_event(EVENT_INVOKER_POST_LOAD_ARGUMENTS, note)
create_invoker_and_load_cmds_and_args(cli)
found = {}
for name in wanted:
    *group, verb = name.split()
    parser = cli.invocation.parser.subparsers.get(tuple(group))
    if parser is None or verb not in parser.choices:
        continue
    flags = []
    for action in parser.choices[verb]._actions:
        if action.option_strings:
            flag = {"names": sorted(action.option_strings), "values": 1 if action.nargs is None else action.nargs}
            by_id = "--ids" in parser.choices[verb]._option_string_actions
            if action.required or (by_id and action.dest in identified[name]):
                flag["required"] = True
            flags.append(flag)
        elif action.dest and action.required and action.nargs != 0:
            flags.append({"names": [], "values": 1 if action.nargs is None else action.nargs})
    found[name] = sorted(flags, key=lambda one: one["names"])
print(json.dumps({"version": __version__, "commands": found}))
'''


def main(arguments: list[str]) -> int:
    """0; 1 where a command that is wanted does not exist. `arguments`: a Python that has azure-cli, else none."""
    with tempfile.TemporaryDirectory() as folder:
        python = arguments[0] if arguments else _installed(Path(folder))
        command = [python, "-c", _READ, json.dumps(COMMANDS)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    lines = [
        f"  {json.dumps(name)}: [\n    " + ",\n    ".join(json.dumps(flag) for flag in flags) + "\n  ]"
        for name, flags in sorted(found["commands"].items())
    ]
    body = ",\n".join(lines)
    RECORD.write_text(f'{{"version": {json.dumps(found["version"])}, "commands": {{\n{body}\n}}}}\n', encoding="utf-8")
    missing = sorted(set(COMMANDS) - set(found["commands"]))
    print(f"azure-cli {found['version']}: {len(found['commands'])} commands recorded; not found: {missing or 'none'}")
    return int(bool(missing))


def _installed(folder: Path) -> str:
    """A Python with the newest azure-cli."""
    venv.create(folder / "az", with_pip=True)
    python = str(folder / "az/bin/python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", "azure-cli"], check=True)
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
