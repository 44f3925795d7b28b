# Batch scoring on Ray, models/MODEL baked in: the head and the workers of a RayJob.
# PYTHON_IMAGE: as in gateway/Dockerfile.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# The names of private symbols, a sixth of TensorFlow, serve only a debugger.
RUN apt-get update --quiet \
    && apt-get install --quiet --yes --no-install-recommends binutils
RUN python -m venv /pipenv && /pipenv/bin/pip install --quiet pipenv==2026.10.3
# Without pip: nothing is installed once the image is built.
RUN python -m venv --without-pip /venv
WORKDIR /build
# What compiling new operations needs (headers, clang) is a quarter of TensorFlow.
COPY Pipfile Pipfile.lock ./
RUN VIRTUAL_ENV=/venv PIPENV_VERBOSITY=-1 \
    /pipenv/bin/pipenv sync --categories "packages training ray" \
    && rm -r /venv/lib/python3.11/site-packages/tensorflow/include \
    /venv/lib/python3.11/site-packages/clang \
    && find /venv/lib/python3.11/site-packages/tensorflow -name "*.so*" \
    -exec strip --strip-unneeded {} +
COPY gateway/ gateway/
COPY training/ training/
# By hash, because a copied file's date may differ from the one in its bytecode.
RUN python -m compileall -q --invalidation-mode unchecked-hash gateway training

FROM ${PYTHON_IMAGE}
ARG MODEL=solar-cells
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="image-classifier batch scoring" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
# Ray starts its processes and the job's in folders of its own: PYTHONPATH finds us.
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=builder /venv /venv
# KubeRay runs ray in a shell, and a login shell forgets PATH.
RUN ln -s /venv/bin/ray /usr/local/bin/ray
COPY --from=builder /build/gateway /app/gateway
COPY --from=builder /build/training /app/training
COPY --chown=10001:10001 models/${MODEL} /models/classifier
WORKDIR /app
USER 10001:10001
# Python listens to this one: as process 1 it would not hear SIGTERM.
STOPSIGNAL SIGINT
ENTRYPOINT ["python", "-m", "training.score"]
