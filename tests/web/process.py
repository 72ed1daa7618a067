"""`python -m tests.web.process HOST PORT [WEB-CONFIG | --hang]`: a small agent in a process of its own, for signals."""

import sys
import threading
from pathlib import Path

from exporter.logs import configure
from exporter.settings import SettingsError
from exporter.web.server import serve
from tests.web.conftest import SmallAgent


def main() -> int:
    configure("info", "text")
    host, port, *config = sys.argv[1:]
    hang = config == ["--hang"]
    agent = SmallAgent(before=threading.Event().wait) if hang else SmallAgent()
    try:
        return serve(agent, (host, int(port)), Path(config[0]) if config and not hang else None)
    except SettingsError as error:
        print(f"aks-cert-exporter: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
