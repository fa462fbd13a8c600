# syntax=docker/dockerfile:1
# Two images of one program:
#   docker build --target bot   -t sigma-analyst:bot .       trades, no torch and nothing that trains; [schedule] retrain = false
#   docker build --target train -t sigma-analyst .           trades and trains; --build-arg EXTRAS=gpu TORCH_INDEX= for CUDA
# Dependencies are layers of their own, before the sources: a new version of the program moves a few MB.
# The root file system may be read-only: everything that is written goes to the four volumes and /tmp.

ARG PYTHON=python:3.11-slim-bookworm

# hadolint ignore=DL3006
FROM ${PYTHON} AS slim-base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sigma Analyst" \
      org.opencontainers.image.description="A paper-trading bot that trains, validates and replaces its own models while it runs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# libgomp is OpenMP: xgboost and scikit-learn need it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 sigma \
    && install -d -o sigma -g sigma /app /app/data /app/models /app/state /app/logs
ENV PATH=/opt/sigma/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/app/state/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    SIGMA_PATHS__RUNS=/app/state/runs \
    SIGMA_PATHS__REPORTS=/app/state/reports
WORKDIR /app
VOLUME ["/app/data", "/app/models", "/app/state", "/app/logs"]
EXPOSE 8787
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('SIGMA_WEB__PORT', '8787') + '/healthz', timeout=4)"]
ENTRYPOINT ["sigma"]
CMD ["run"]

FROM slim-base AS base
RUN python -m venv /opt/sigma

FROM base AS wheel
WORKDIR /src
RUN /opt/sigma/bin/pip install -q "setuptools>=77" wheel
COPY pyproject.toml README.md LICENSE ./
COPY strategies ./strategies
COPY storage ./storage
COPY training ./training
COPY bot ./bot
RUN /opt/sigma/bin/pip wheel -q --no-deps --no-build-isolation -w /wheel .

FROM base AS bot-build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils \
    && rm -rf /var/lib/apt/lists/*
COPY constraints.txt deploy/bot-requirements.txt /src/
RUN /opt/sigma/bin/pip install -q --no-compile -c /src/constraints.txt -r /src/bot-requirements.txt
COPY deploy/slim.py /src/
RUN /opt/sigma/bin/python /src/slim.py /opt/sigma/lib/python3.11/site-packages

FROM base AS bot-program
COPY --from=wheel /wheel /wheel
RUN /opt/sigma/bin/pip install -q --no-deps --no-compile --prefix /program /wheel/*.whl

FROM slim-base AS bot
COPY --from=bot-build /opt/sigma /opt/sigma
COPY --from=bot-program /program /opt/sigma
COPY --chown=sigma:sigma config.toml /app/config.toml
ENV SIGMA_SCHEDULE__RETRAIN=false
USER 10001

FROM base AS train-packages
ARG EXTRAS=cpu
# PyTorch's own index has CPU wheels that are a fifth of the size; pass an empty value for CUDA or for the plain index.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
# The project without its sources: its dependencies alone, a layer that only pyproject.toml and the pins change.
RUN mkdir -p strategies storage training bot \
    && touch strategies/__init__.py storage/__init__.py training/__init__.py bot/__init__.py \
    && /opt/sigma/bin/pip install -q --no-compile ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} -c constraints.txt ".[${EXTRAS}]" \
    && /opt/sigma/bin/pip uninstall -q -y sigma-analyst
WORKDIR /app

FROM train-packages AS train
COPY --from=wheel /wheel /wheel
RUN /opt/sigma/bin/pip install -q --no-deps --no-compile /wheel/*.whl
COPY --chown=sigma:sigma config.toml /app/config.toml
USER 10001
