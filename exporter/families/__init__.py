"""Facts to samples: one module for each metric subject, its declarations on top. `akscert_<subject>_…` leads here."""
