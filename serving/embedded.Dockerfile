# The embedded model server: TensorFlow Serving's flags and API from the pip package.
# The target "server" holds no model; the last stage adds models/MODEL to it.
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
COPY Pipfile Pipfile.lock ./
# ENGINE: empty, or serving-openvino for --engine=openvino (186 MB more).
ARG ENGINE=""
# Bytecode by hash: as in gateway/Dockerfile.
# What compiling new operations needs (headers, clang) is a quarter of the size; NumPy's
# tests and TensorBoard's own server, which arm64 does not get, are never run.
RUN VIRTUAL_ENV=/venv PIPENV_VERBOSITY=-1 \
    /pipenv/bin/pipenv sync --categories "packages serving ${ENGINE}" \
    && rm -r /venv/lib/python3.11/site-packages/tensorflow/include \
    /venv/lib/python3.11/site-packages/clang \
    /venv/lib/python3.11/site-packages/numpy/tests \
    /venv/lib/python3.11/site-packages/numpy/*/tests \
    /venv/lib/python3.11/site-packages/PIL/_avif.* \
    /venv/lib/python3.11/site-packages/pillow.libs/libavif-* \
    && rm -rf /venv/lib/python3.11/site-packages/tensorboard_data_server/bin \
    && find /venv/lib/python3.11/site-packages/tensorflow -name "*.so*" \
    -exec strip --strip-unneeded {} + \
    && python -m compileall -q -f --invalidation-mode unchecked-hash /venv/lib
COPY serving/ serving/
RUN python -m compileall -q --invalidation-mode unchecked-hash serving

# As in gateway/Dockerfile, whose words explain it.
FROM ${PYTHON_IMAGE} AS system
RUN find /usr/share/doc -type f ! -name copyright -delete \
    && rm -rf /usr/share/info /usr/share/locale /usr/share/man /var/cache/debconf \
    /usr/bin/perl* /usr/lib/*/perl* /usr/lib/*/libperl* /usr/share/perl* \
    /usr/lib/*/gconv /usr/lib/python3/dist-packages /usr/share/python-wheels \
    /usr/bin/pip* /usr/local/bin/pip* /usr/local/lib/python3.11/site-packages \
    /usr/lib/python3.11/ensurepip /usr/local/lib/python3.11/ensurepip \
    /usr/lib/python3.11/lib2to3 /usr/local/lib/python3.11/lib2to3 \
    /usr/lib/python3.11/pydoc_data /usr/local/lib/python3.11/pydoc_data

FROM scratch AS server
ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="image-classifier embedded model server" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=system / /
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=builder /venv /venv
COPY --from=builder /build/serving /app/serving
WORKDIR /app
USER 10001:10001
EXPOSE 8500 8501
ENTRYPOINT ["python", "-m", "serving"]

FROM server
ARG MODEL=solar-cells
COPY --chown=10001:10001 models/${MODEL} /models/classifier
