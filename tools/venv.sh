#!/usr/bin/env bash
# Makes a virtual environment: tools/venv.sh PYTHON DIRECTORY. Where Debian splits venv off, it installs that package.
set -euo pipefail
python=$1 venv=$2
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "aks-cert-exporter needs Python 3.11 or newer; $("$python" --version) is too old (set PYTHON=…)" >&2
  exit 1
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || {
    echo "please install Python's venv module (on Debian the package python3-venv; as root, this is done for you)" >&2
    exit 1
  }
  echo "installing the Debian package python3-venv"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
