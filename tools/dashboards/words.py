"""Words for values, each with a sign and a colour, so that colour is never all there is; and common thresholds.

A colour says how bad something is, and nothing else: green well, blue for your information, orange a warning, red
critical, as the rules judge it; purple is not known, which is never one of the others. What is none of these (an
amount, a share of a lifetime, which series a line is) has no colour of this kind.
"""

from tools.dashboards.panel import Threshold, Word

__all__ = [
    "AGE_OF_LEASE",
    "AGE_OF_REQUEST",
    "ALARM",
    "ANSWERS",
    "AZURE_STATES",
    "BUNDLES",
    "CODES",
    "GREEN",
    "ISSUED",
    "KINDS",
    "LOOKS",
    "NOTICE",
    "NUMBERS",
    "OPTED",
    "OUTCOMES",
    "PAST",
    "POLICIES",
    "RBAC",
    "READABLE",
    "READY",
    "SAYS",
    "SERIES",
    "SERVED",
    "SEVERITIES",
    "STATES",
    "TELLS",
    "TRUSTED",
    "UNKNOWN",
    "UP",
    "USABLE",
    "YES",
]

GREEN, ORANGE, RED, BLUE, UNKNOWN = "green", "orange", "red", "blue", "purple"
PLAIN = "text"

SEVERITIES = (
    Word("0-unknown", "? not known", UNKNOWN),
    Word("1-critical", "✖ critical", RED),
    Word("2-warning", "▲ warning", ORANGE),
    Word("3-info", "● info", BLUE),
    Word("critical", "✖ critical", RED),
    Word("warning", "▲ warning", ORANGE),
    Word("info", "● info", BLUE),
)
"""With the number that makes an order, as the dashboards write them, and without, as the rules do."""
_STATES = (
    Word("expired", "✖ expired", RED),
    Word("overdue", "▲ overdue", ORANGE),
    Word("waiting", "◔ waiting", ORANGE),
    Word("disabled", "▲ disabled", ORANGE),
    Word("unknown", "? unknown", UNKNOWN),
    Word("unoffered", "● disabled", BLUE),
    Word("none", "● never", BLUE),
    Word("enabled", "✔ enabled", GREEN),
)
NUMBERS = {word.value: number for number, word in enumerate(_STATES, start=1)}
"""The states of a rotation, the worst first: `promql.states` says what the dashboards mean by them."""
STATES = (
    *_STATES,
    *(Word(f"{number}-{word.value}", word.text, word.color) for number, word in enumerate(_STATES, start=1)),
)
"""With and without the number that makes an order."""
CODES = tuple(Word(str(number), word.text, word.color) for number, word in enumerate(_STATES, start=1))
"""Numbers for the states, since a panel over time shows numbers only."""
AZURE_STATES = (
    Word("1", "✔ Succeeded", GREEN),
    Word("2", "● other work", "light-blue"),
    Word("3", "◔ rotating certificates", BLUE),
    Word("4", "▲ Failed", ORANGE),
    Word("5", "■ Stopped", "dark-blue"),
)
TRUSTED = (Word("1", "✔ trusted", GREEN), Word("0", "✖ not trusted", RED))
READY = (Word("1", "✔ ready", GREEN), Word("0", "▲ not ready", ORANGE))
SERVED = (Word("1", "✔ its file's", GREEN), Word("0", "▲ another one", ORANGE))
YES = (Word("1", "✔ yes", GREEN), Word("0", "● no", BLUE))
ISSUED = (*YES, Word("2", "✖ no", RED))
"""2: no, of a certificate that only the cluster CA can vouch for."""
TELLS = (
    Word("node_agent", "✔ node agent", GREEN),
    Word("kubelet", "● the kubelet itself", BLUE),
    Word("unscraped", "▲ not scraped", ORANGE),
    Word("nobody", "▲ nobody", ORANGE),
)
"""Who tells about a node's certificates; `unscraped`: there is a node agent, and Prometheus does not have it."""
ANSWERS = (
    Word("ok", "✔ ok", GREEN),
    *(
        Word(status, f"▲ {status.replace('_', ' ')}", ORANGE)
        for status in ("refused", "timeout", "tls_error", "untrusted", "unauthorized", "forbidden", "error")
    ),
)
"""What came of asking a kubelet."""
LOOKS = (
    *ANSWERS,
    Word("unreachable", "? unreachable", UNKNOWN),
    Word("unresolved", "? unresolved", UNKNOWN),
)
"""What came of looking at what the API server calls."""
POLICIES = (
    Word("fail", "writes are blocked", PLAIN),
    Word("ignore", "is ignored", PLAIN),
    Word("none", "calls fail", PLAIN),
)
"""What happens where an endpoint cannot be called."""
READABLE = (
    Word("ok", "✔ readable", GREEN),
    *(Word(status, f"▲ {status.replace('_', ' ')}", ORANGE) for status in ("empty", "no_certificate", "malformed")),
)
USABLE = (
    Word("ok", "✔ yes", GREEN),
    *(
        Word(reason, f"✖ {reason.replace('_', ' ')}", RED)
        for reason in ("another_node", "wrong_group", "wrong_usage", "not_a_leaf", "no_private_key", "unloadable")
    ),
)
UP = (Word("1", "✔ answers", GREEN), Word("0", "▲ does not answer", ORANGE))
SAYS = (Word("1", "✔ on", GREEN), Word("0", "● off", BLUE))
BUNDLES = (Word("0", "✔ present", GREEN), Word("1", "▲ former", ORANGE))
RBAC = (Word("true", "✔ on", GREEN), Word("false", "● off", BLUE))
OPTED = (Word("true", "● yes", BLUE), Word("false", "no", PLAIN))
OUTCOMES = (
    Word("issued", "issued", GREEN),
    Word("denied", "denied", ORANGE),
    Word("failed", "failed", "dark-orange"),
    Word("abandoned", "abandoned", BLUE),
    Word("none", "none", PLAIN),
)
SERIES = tuple(
    Word(name, name, color)
    for names, color in (
        (("kubelet-client", "rotate"), "#8AB8FF"),
        (("kubelet-serving", "end, and nothing renews"), "#B0B0BC"),
    )
    for name in names
)
"""Series of which none is better than the other: colours without a meaning."""
KINDS = (
    Word("MutatingWebhookConfiguration", "mutating webhook", PLAIN),
    Word("ValidatingWebhookConfiguration", "validating webhook", PLAIN),
    Word("APIService", "aggregated API", PLAIN),
    Word("CustomResourceDefinition", "CRD conversion", PLAIN),
)

ALARM = (Threshold(None, GREEN), Threshold(1, RED))
"""None is ok, one is critical."""
NOTICE = (Threshold(None, GREEN), Threshold(1, ORANGE))
PAST = (Threshold(None, RED), Threshold(0, PLAIN))
"""Seconds left. Only what has ended is judged here: how much is enough depends on the lifetime and on who renews it."""
AGE_OF_LEASE = (Threshold(None, GREEN), Threshold(600, ORANGE))
AGE_OF_REQUEST = (Threshold(None, PLAIN), Threshold(20 * 60, ORANGE), Threshold(6 * 3600, RED))
