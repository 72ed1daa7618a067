"""What `helm test` runs: asks every agent whether it is ready and gives metrics. [--connect] SCHEME PORT HOST..."""

import socket
import ssl
import sys
import time
import urllib.error
import urllib.request

words = sys.argv[1:]
connect = words[0] == "--connect"
scheme, port, *hosts = words[connect:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it asks by address, and shows no secret


def look(address: str) -> str:
    """One line about the agent at an address. Raises OSError where it does not answer as it should."""
    if connect:
        socket.create_connection((address, int(port)), 10).close()
        return "accepts connections"
    root = f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    opener.open(f"{root}/readyz", timeout=10).close()
    try:
        with opener.open(f"{root}/metrics", timeout=10) as answer:
            lines = [line for line in answer if line.startswith(b"akscert_")]
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        return "ready; its metrics need a login"
    if not lines:
        raise OSError("no akscert_ series among its metrics")
    return f"ready, {len(lines)} series"


def settled(host: str) -> bool:
    """Look at every address of a host, for up to a minute. Returns whether all of them answered."""
    end = time.monotonic() + 60
    while True:
        lines: list[str] = []
        failed = False
        try:
            addresses = sorted(
                {str(entry[4][0]) for entry in socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)}
            )
            for address in addresses:
                try:
                    lines.append(f"ok      {host} {address}: {look(address)}")
                except OSError as error:
                    failed = True
                    lines.append(f"FAILED  {host} {address}: {error}")
        except OSError as error:
            failed = True
            lines.append(f"FAILED  {host}: {error}")
        if not failed or time.monotonic() > end:
            print("\n".join(lines), flush=True)
            return not failed
        time.sleep(2)


answers = [settled(host) for host in hosts]  # each is asked, also after one that failed
sys.exit(not all(answers))
