#!/usr/bin/env bash
# Installs the Debian packages of the commands and files the tests use, where they are missing: tools/packages.sh NAME...
# Starts no service.
set -euo pipefail
declare -A package=([promtool]=prometheus [prometheus]=prometheus [prometheus-alertmanager]=prometheus-alertmanager
  [buildah]=buildah [debootstrap]=debootstrap [crun]=crun [chromium]=chromium [node]=nodejs [npm]=npm
  [/usr/share/keyrings/debian-archive-keyring.gpg]=debian-archive-keyring)
missing=()
for name in "$@"; do
  command -v "$name" >/dev/null || [ -e "$name" ] || missing+=("${package[$name]}")
done
[ ${#missing[@]} -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] || {
  echo "please install: ${missing[*]} (on Debian, as root, this is done for you)" >&2
  exit 1
}
echo "installing the Debian packages ${missing[*]}"
if [ ! -e /usr/sbin/policy-rc.d ]; then # a package's service must not start because a test wants its binary
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
