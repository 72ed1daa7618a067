"""Draws a dashboard's JSON and a Prometheus's answers as a picture in the style of Grafana's dark theme.

No Grafana is needed for it, so that a picture can be made wherever the tests run. It shows what the panels ask and say;
it is no picture of Grafana's own.
"""
