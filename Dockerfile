# Two stages: build the wheel with its front-end files, then run it as a user without rights.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements requirements
RUN python3 -m venv /build/venv \
 && /build/venv/bin/pip install --quiet --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
 && VIRTUAL_ENV=/build/venv /build/venv/bin/uv pip install --quiet --require-hashes -r requirements/dev.txt
COPY pyproject.toml hatch_build.py ./
COPY frontend frontend
COPY app app
RUN /build/venv/bin/uv build --quiet --wheel --no-build-isolation --python /build/venv/bin/python --out-dir /build/dist

FROM ${BASE}
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CRM_HOST=0.0.0.0 PORT=8000 CRM_LOG_FORMAT=json
RUN useradd --system --uid 10001 --create-home crm
COPY requirements.txt /tmp/requirements.txt
RUN python3 -m venv /opt/crm && /opt/crm/bin/pip install --quiet --no-cache-dir --require-hashes -r /tmp/requirements.txt
COPY --from=build /build/dist/*.whl /tmp/
RUN /opt/crm/bin/pip install --quiet --no-cache-dir --no-deps /tmp/*.whl && rm /tmp/*.whl /tmp/requirements.txt
USER 10001
WORKDIR /home/crm
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["/opt/crm/bin/python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:%s/health/live' % os.environ['PORT'], timeout=2)"]
ENTRYPOINT ["/opt/crm/bin/crm"]
CMD ["serve"]
