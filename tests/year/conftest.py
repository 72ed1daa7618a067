"""The simulated agents complain like real ones: once a run is enough, and here it is none."""

import logging

logging.getLogger("exporter.agents.cluster.state").setLevel(logging.ERROR)
