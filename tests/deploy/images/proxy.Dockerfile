# Stands for the official image of HAProxy: Debian's own version, as a user without rights.
ARG BASE
FROM ${BASE}
# hadolint ignore=DL3008 # the version that this release of Debian has stands in
RUN apt-get update -q && apt-get install -y -q --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/*
USER 13000
