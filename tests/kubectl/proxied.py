"""Proxies: of the cluster (`proxy-url`) and of the environment."""

from tests.kubectl.forms import FAR, of_proxy

# Proxies of the cluster.
of_proxy("proxy-url", True, lambda lab: {**lab.far, "proxy-url": f"http://{lab.http}"})
of_proxy("proxy-url to a loopback address", True, lambda lab: {**lab.cluster, "proxy-url": f"http://{lab.http}"})
of_proxy("proxy-url before NO_PROXY", True, lambda lab: {**lab.far, "proxy-url": f"http://{lab.http}"}, NO_PROXY="*")
of_proxy(
    "proxy-url before HTTPS_PROXY",
    True,
    lambda lab: {**lab.far, "proxy-url": f"http://{lab.http}"},
    HTTPS_PROXY="http://127.0.0.1:1",
)
of_proxy("proxy-url with a password", True, lambda lab: {**lab.far, "proxy-url": f"http://n:p@{lab.http}"})
of_proxy("proxy-url socks5", True, lambda lab: {**lab.far, "proxy-url": f"socks5://{lab.socks}"})
of_proxy("proxy-url socks5h", False, lambda lab: {**lab.far, "proxy-url": f"socks5h://{lab.socks}"})
of_proxy("proxy-url ftp", False, lambda lab: {**lab.far, "proxy-url": f"ftp://{lab.http}"})
of_proxy("proxy-url without a scheme", False, lambda lab: {**lab.far, "proxy-url": lab.http})
of_proxy(
    "proxy-url localhost without a scheme",
    False,
    lambda lab: {**lab.far, "proxy-url": f"localhost:{lab.http.split(':')[1]}"},
)
of_proxy("an empty proxy-url", True, lambda lab: {**lab.far, "proxy-url": ""}, HTTPS_PROXY="http://<HTTP>")
of_proxy("a dead proxy-url", False, lambda lab: {**lab.cluster, "proxy-url": "http://127.0.0.1:1"})

# Proxies of the environment.
of_proxy("no proxy", False, lambda lab: lab.far)
of_proxy("HTTPS_PROXY", True, lambda lab: lab.far, HTTPS_PROXY="http://<HTTP>")
of_proxy("https_proxy", True, lambda lab: lab.far, https_proxy="http://<HTTP>")
of_proxy("HTTP_PROXY", False, lambda lab: lab.far, HTTP_PROXY="http://<HTTP>")
of_proxy("ALL_PROXY", False, lambda lab: lab.far, ALL_PROXY="http://<HTTP>", all_proxy="http://<HTTP>")
of_proxy(
    "the upper case first", True, lambda lab: lab.far, HTTPS_PROXY="http://<HTTP>", https_proxy="http://127.0.0.1:1"
)
of_proxy("an empty upper case", True, lambda lab: lab.far, HTTPS_PROXY="", https_proxy="http://<HTTP>")
of_proxy("a proxy without a scheme", True, lambda lab: lab.far, HTTPS_PROXY="<HTTP>")
of_proxy("a proxy in upper case", True, lambda lab: lab.far, HTTPS_PROXY="HTTP://<HTTP>")
of_proxy("a proxy with a path", True, lambda lab: lab.far, HTTPS_PROXY="http://<HTTP>/path")
of_proxy("a proxy with a password", True, lambda lab: lab.far, HTTPS_PROXY="http://n:p%40@<HTTP>")
of_proxy("a password without a scheme", True, lambda lab: lab.far, HTTPS_PROXY="n:p@<HTTP>")
of_proxy("socks5", True, lambda lab: lab.far, HTTPS_PROXY="socks5://<SOCKS>")
of_proxy("socks5h", True, lambda lab: lab.far, HTTPS_PROXY="socks5h://<SOCKS>")
of_proxy("socks5 with a password", True, lambda lab: lab.far, HTTPS_PROXY="socks5://n:p@<SOCKS>")
of_proxy("socks4", False, lambda lab: lab.far, HTTPS_PROXY="socks4://<SOCKS>")
of_proxy("an impossible port", False, lambda lab: lab.far, HTTPS_PROXY="http://127.0.0.1:99999")
of_proxy("a dead proxy", False, lambda lab: lab.far, HTTPS_PROXY="http://127.0.0.1:1")
of_proxy("loopback goes without", True, lambda lab: lab.cluster, HTTPS_PROXY="http://127.0.0.1:1")
of_proxy(
    "localhost goes without",
    True,
    lambda lab: {**lab.cluster, "server": f"https://localhost:{lab.server.port}"},
    HTTPS_PROXY="http://127.0.0.1:1",
)
of_proxy("plain HTTP by HTTP_PROXY", True, lambda _: {"server": f"http://{FAR}:8080"}, HTTP_PROXY="http://<FORWARD>")
of_proxy("plain HTTP by HTTPS_PROXY", False, lambda _: {"server": f"http://{FAR}:8080"}, HTTPS_PROXY="http://<FORWARD>")
for _value, _direct in {
    FAR: True,
    "example.test": True,
    ".example.test": True,
    "*.example.test": True,
    "EXAMPLE.TEST": True,
    "other, example.test": True,
    "example.test:6443": True,
    "*": True,
    ".test": True,
    "ks.example.test": False,
    "example.test:443": False,
    "*.aks.example.test": False,
    "aks.example.test.": False,
    "example": False,
    " ": False,
}.items():
    of_proxy(f"NO_PROXY={_value}", not _direct, lambda lab: lab.far, HTTPS_PROXY="http://<HTTP>", NO_PROXY=_value)
of_proxy("no_proxy", False, lambda lab: lab.far, HTTPS_PROXY="http://<HTTP>", no_proxy=FAR)
for _value, _direct in {
    "203.0.113.9": True,
    "203.0.113.0/24": True,
    "203.0.113.9/8": True,
    "203.0.113.9:6443": True,
    "203.0.113.9:443": False,
    "203.0.113": False,
    "10.0.0.0/8": False,
}.items():
    of_proxy(
        f"NO_PROXY={_value}",
        not _direct,
        lambda lab: {**lab.cluster, "server": "https://203.0.113.9:6443", "tls-server-name": FAR},
        HTTPS_PROXY="http://<HTTP>",
        NO_PROXY=_value,
    )
for _value, _direct in {
    "2001:db8::9": True,
    "[2001:db8::9]:6443": True,
    "2001:db8::/32": True,
    "2001:0db8:0::9": True,
    "2001:db8::8": False,
}.items():
    of_proxy(
        f"NO_PROXY={_value}",
        not _direct,
        lambda lab: {**lab.cluster, "server": "https://[2001:db8::9]:6443", "tls-server-name": FAR},
        HTTPS_PROXY="http://<HTTP>",
        NO_PROXY=_value,
    )
