"""`python -m exporter` is `aks-cert-exporter`."""

import sys

from exporter.cli import main

sys.exit(main())
