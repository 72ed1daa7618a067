"""The dashboards through Grafana's own packages: what they compute, and what they draw. For tests and pictures only.

`@grafana/data` turns Prometheus's answers into what a panel shows (transformations, overrides, mappings, units, empty
states), in the generations of Grafana 12 and of Grafana 10; `@grafana/ui` draws it in Chromium. Both come from npm by
the lock file beside this module; the JavaScript of ours is in source/. Grafana's server is not involved, and what
its packages do not export (state timeline, histogram, heat map) is drawn by code of ours from the computed values.
"""
