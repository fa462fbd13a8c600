# syntax=docker/dockerfile:1
# Two stages: the first installs into a virtual environment, the second holds what runs.
# The root file system may be read-only: everything that is written goes to the four volumes and /tmp.

FROM python:3.11-slim-bookworm AS build
ARG EXTRAS=cpu
# PyTorch's own index has CPU wheels that are a fifth of the size; pass an empty value for CUDA or for the plain index.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /opt/sigma
# LOCKED=1 installs requirements.lock instead, every file checked against its hash; with the plain index's torch.
ARG LOCKED=
COPY pyproject.toml constraints.txt requirements.lock README.md LICENSE ./
COPY benchmarks ./benchmarks
COPY strategies ./strategies
COPY storage ./storage
COPY training ./training
COPY bot ./bot
RUN if [ -n "$LOCKED" ]; then \
        /opt/sigma/bin/pip install -q --require-hashes --no-deps -r requirements.lock \
        && /opt/sigma/bin/pip install -q --no-deps .; \
    else \
        /opt/sigma/bin/pip install -q ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt ".[${EXTRAS}]"; \
    fi

FROM python:3.11-slim-bookworm
# libgomp is OpenMP: xgboost and scikit-learn need it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 sigma \
    && install -d -o sigma -g sigma /app /app/data /app/models /app/state /app/logs
COPY --from=build /opt/sigma /opt/sigma
COPY --chown=sigma:sigma config.toml /app/config.toml
ENV PATH=/opt/sigma/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/app/state/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    SIGMA_PATHS__RUNS=/app/state/runs \
    SIGMA_PATHS__REPORTS=/app/state/reports
WORKDIR /app
USER 10001
VOLUME ["/app/data", "/app/models", "/app/state", "/app/logs"]
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('SIGMA_WEB__PORT', '8787') + '/healthz', timeout=4)"]
ENTRYPOINT ["sigma"]
CMD ["run"]
