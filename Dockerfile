# Two images of one file: `node`, the node agent's, with neither Kubernetes nor Azure libraries; and `cluster`, the last
# and so the default, with everything. `make image` builds both. Any builder will do, also one without BuildKit
# (`az acr build`): there is no `RUN --mount` here.
#
# BASE is any image with Python 3.11 or newer, its venv module and pip. A tag can be moved; a release pins it by digest.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
# Bytecode is made once, below. Its date would make every build a different image; a hash does not.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_CONFIG_FILE=/build/image/pip.conf PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
WORKDIR /build
RUN python3 -m venv --without-pip /opt/aks-cert-exporter && python3 -m venv --without-pip /build/backend
# The builder's own pip settings and CA certificates (`make image` lays them here). Nothing of this stage but
# /opt/aks-cert-exporter goes into an image.
COPY image image
COPY requirements-build.lock ./
RUN python3 -m pip --python /build/backend/bin/python install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
COPY docs/runbooks docs/runbooks
RUN /build/backend/bin/python -m hatchling build -t wheel -d /build/dist

FROM build AS build-node
COPY requirements-node.lock ./
RUN python3 -m pip --python /opt/aks-cert-exporter/bin/python install --no-compile --require-hashes -r requirements-node.lock \
    && python3 -m pip --python /opt/aks-cert-exporter/bin/python install --no-compile --no-index --no-deps /build/dist/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/aks-cert-exporter/lib

FROM ${BASE} AS runtime
# Nothing installs packages at run time, so pip goes. Official Python images ship their library without bytecode; under
# a read-only root it would be compiled anew at every start.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash \
      -x '/(test|tests|idlelib|lib2to3|turtledemo|ensurepip|site-packages|dist-packages)/' \
      "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && for directory in $(python3 -c 'import os, sys; print(*filter(os.path.isdir, sys.path))'); do \
         for package in pip setuptools wheel; do rm -rf "$directory/$package" "$directory/$package"-*; done; \
         rm -rf "$directory/pkg_resources" "$directory/_distutils_hack" "$directory/distutils-precedence.pth" "$directory/ensurepip"; \
       done \
    && rm -rf /usr/share/python-wheels /usr/bin/pip* /usr/local/bin/pip*
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=""
LABEL org.opencontainers.image.title="aks-cert-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the certificates of Azure Kubernetes Service and their rotation" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
ENV PATH=/opt/aks-cert-exporter/bin:$PATH \
    AKSCERT_REVISION=${REVISION} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONSAFEPATH=1
WORKDIR /
EXPOSE 9964
# Without a name in /etc/passwd, so that `runAsNonRoot` can be checked. The chart's node agent overrides it: the files it
# reads belong to root.
USER 65532:65532
ENTRYPOINT ["aks-cert-exporter"]

FROM runtime AS node
COPY --from=build-node /opt/aks-cert-exporter /opt/aks-cert-exporter

FROM build AS build-cluster
COPY requirements.lock ./
# kubernetes/aio is the client a second time, for asyncio: 70 MB that nothing here imports.
RUN python3 -m pip --python /opt/aks-cert-exporter/bin/python install --no-compile --require-hashes -r requirements.lock \
    && python3 -m pip --python /opt/aks-cert-exporter/bin/python install --no-compile --no-index --no-deps /build/dist/*.whl \
    && rm -r /opt/aks-cert-exporter/lib/python3*/site-packages/kubernetes/aio \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/aks-cert-exporter/lib

FROM runtime AS cluster
COPY --from=build-cluster /opt/aks-cert-exporter /opt/aks-cert-exporter
