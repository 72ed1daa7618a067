"""Words for values, each with a sign and a colour, so that colour is never all there is; and common thresholds."""

from tools.dashboards.panel import Threshold, Word

__all__ = [
    "AGE_OF_LEASE",
    "ALARM",
    "ALERT_SEVERITIES",
    "AZURE_STATES",
    "BUNDLES",
    "CODES",
    "LIFETIME",
    "NOTICE",
    "OUTCOMES",
    "READY",
    "SAYS",
    "SERVED",
    "SEVERITIES",
    "STATES",
    "TIME_LEFT",
    "TRUSTED",
    "UP",
    "WINDOW",
    "YES",
]

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"

SEVERITIES = (
    Word("1-critical", "✖ critical", RED),
    Word("2-warning", "▲ warning", ORANGE),
    Word("3-info", "● info", BLUE),
)
ALERT_SEVERITIES = tuple(Word(word.value[2:], word.text, word.color) for word in SEVERITIES)
"""As the rules label their alerts; there the number makes no order."""
STATES = (
    Word("enabled", "✔ enabled", GREEN),
    Word("waiting", "◔ waiting", YELLOW),
    Word("disabled", "▲ disabled", ORANGE),
    Word("unknown", "? unknown", RED),
)
CODES = (
    Word("1", "✔ enabled", GREEN),
    Word("2", "▲ disabled", ORANGE),
    Word("3", "◔ waiting", YELLOW),
    Word("4", "? unknown", RED),
)
"""Numbers for the states, since a panel over time shows numbers alone; the worse the greater."""
AZURE_STATES = (
    Word("1", "✔ Succeeded", GREEN),
    Word("2", "● other work", BLUE),
    Word("3", "◔ rotating certificates", YELLOW),
    Word("4", "✖ Failed", RED),
    Word("5", "■ Stopped", ORANGE),
)
TRUSTED = (Word("1", "✔ trusted", GREEN), Word("0", "✖ not trusted", RED))
READY = (Word("1", "✔ ready", GREEN), Word("0", "✖ not ready", RED))
SERVED = (Word("1", "✔ its file's certificate", GREEN), Word("0", "✖ another certificate", RED))
YES = (Word("1", "✔ yes", GREEN), Word("0", "✖ no", RED))
UP = (Word("1", "✔ answers", GREEN), Word("0", "✖ does not answer", RED))
SAYS = (Word("1", "✔ on", GREEN), Word("0", "▲ off", ORANGE))
BUNDLES = (Word("0", "✔ present", GREEN), Word("1", "✖ former", RED))
OUTCOMES = (
    Word("issued", "issued", GREEN),
    Word("denied", "denied", RED),
    Word("failed", "failed", ORANGE),
    Word("abandoned", "abandoned", "purple"),
)

ALARM = (Threshold(None, GREEN), Threshold(1, RED))
"""None is well, one is critical."""
NOTICE = (Threshold(None, GREEN), Threshold(1, ORANGE))
LIFETIME = (Threshold(None, GREEN), Threshold(80, YELLOW), Threshold(90, ORANGE), Threshold(95, RED))
"""Percent of a lifetime: AKS promises a rotation by 80, a kubelet makes it by 90, at 95 half the rest is gone."""
WINDOW = (Threshold(None, GREEN), Threshold(70, YELLOW), Threshold(90, RED))
"""Percent of a lifetime: from when until when a kubelet renews."""
TIME_LEFT = (Threshold(None, RED), Threshold(7 * 86400, ORANGE), Threshold(30 * 86400, GREY))
"""Seconds. Plenty is not green: whether anything renews it is another question."""
AGE_OF_LEASE = (Threshold(None, GREEN), Threshold(60, YELLOW), Threshold(600, RED))
