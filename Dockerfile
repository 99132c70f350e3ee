# The Seldon image. Its context is serving/bundle plus provenance.json; `issuesum.image` builds it.
# Layers go from what changes least to what changes most: a retrain pushes the last two.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS environment
COPY requirements.txt /requirements.txt
RUN python3 -m venv --without-pip /venv \
 && python3 -m pip --python /venv/bin/python install --no-cache-dir --no-compile \
      --disable-pip-version-check --root-user-action=ignore --require-hashes -r /requirements.txt

FROM ${BASE_IMAGE}
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app
COPY --from=environment /venv /venv
COPY issuesum /app/issuesum
COPY IssueSummarization.py /app/
COPY model /app/model
COPY provenance.json /app/
USER 10001:10001
EXPOSE 9000 5000 6000
ENTRYPOINT ["seldon-core-microservice", "IssueSummarization", "--service-type", "MODEL"]
