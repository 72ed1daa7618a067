#!/usr/bin/env bash
# Resolves pyproject.toml into requirements.lock (the image) and requirements-dev.lock (tests and lint), requirements-build.lock (the wheel): tools/lock.sh BIN
set -euo pipefail
bin=$1
common=(--quiet --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --python-version 3.11 --universal)
"$bin/uv" pip compile "${common[@]}" "${@:2}" -o requirements.lock pyproject.toml
"$bin/uv" pip compile "${common[@]}" "${@:2}" -c requirements.lock --group test --group lint --group docs -o requirements-dev.lock pyproject.toml
"$bin/uv" pip compile "${common[@]}" "${@:2}" -o requirements-build.lock - <<<"hatchling>=1.27"  # the image's wheel
