# The Seldon image. Export has an engine build the stage `runtime` from this file and requirements.txt alone, and adds
# the files of the last stage itself, so that equal files make an equal image. `docker build serving/bundle`, with a
# provenance.json there, makes an image of the same content. A retrain pushes the last two layers.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS environment
COPY requirements.txt /requirements.txt
RUN python3 -m venv --without-pip /venv \
 && python3 -m pip --python /venv/bin/python install --no-cache-dir --no-compile \
      --disable-pip-version-check --root-user-action=ignore --require-hashes -r /requirements.txt

FROM ${BASE_IMAGE} AS runtime
# Two workers of four threads: a long batch in one keeps neither a probe nor another request waiting.
# Few arenas, or each thread keeps the memory of the largest request that it has seen.
# Metrics are on port 6000, so answers need not carry them.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    GUNICORN_WORKERS=2 \
    GUNICORN_THREADS=4 \
    GRPC_THREADS=4 \
    ISSUESUM_THREADS=2 \
    MALLOC_ARENA_MAX=2 \
    ORT_DISABLE_TELEMETRY=1 \
    INCLUDE_METRICS_IN_CLIENT_RESPONSE=false
WORKDIR /app
COPY --from=environment /venv /venv
# The bytecode of what a server imports: a pod answers after a third of the time. By hash, as no file here has a time.
RUN python3 -c "import sys, onnxruntime, seldon_core.microservice; print(*sorted(filter(None, (getattr(each, '__file__', None) for each in sys.modules.values()))), sep='\n')" \
  | python3 -m compileall -q --invalidation-mode unchecked-hash -i -
USER 10001:10001
EXPOSE 9000 5000 6000
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 \
  CMD ["python3", "-m", "issuesum.serving.server.lifecycle"]
ENTRYPOINT ["seldon-core-microservice", "IssueSummarization", "--service-type", "MODEL"]

FROM runtime
COPY issuesum /app/issuesum
COPY IssueSummarization.py /app/
COPY model /app/model
COPY provenance.json /app/
