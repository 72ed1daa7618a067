#!/usr/bin/env bash
# Resolves pyproject.toml into requirements.lock (the image of the cluster agent), requirements-node.lock (the node
# agent's, a part of it), requirements-dev.lock (tests and lint) and requirements-build.lock (the wheel): tools/lock.sh BIN
set -euo pipefail
bin=$1
# pip asks for `name[extra]` apart from `name`, and takes the newest where only the latter is pinned: extras stay.
common=(--quiet --no-strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal)
"$bin/uv" pip compile "${common[@]}" "${@:2}" -o requirements.lock pyproject.toml
"$bin/uv" pip compile "${common[@]}" "${@:2}" -c requirements.lock --group pyproject.toml:node -o requirements-node.lock
"$bin/uv" pip compile "${common[@]}" "${@:2}" -c requirements.lock --group test --group lint -o requirements-dev.lock pyproject.toml
# What the wheel is built with, in the image too: pyproject's build-system.requires.
"$bin/python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' |
  "$bin/uv" pip compile "${common[@]}" "${@:2}" -o requirements-build.lock -
