# The hub in one image: the locked versions of requirements/run.txt and the project, no test code.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/run.txt requirements/run.txt
RUN python -m venv /opt/opshub \
 && /opt/opshub/bin/pip install --no-cache-dir --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY hub hub
COPY resolvers resolvers
COPY sources sources
COPY subscriptions subscriptions
RUN /opt/opshub/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/opshub --create-home opshub
COPY --from=build /opt/opshub /opt/opshub
ENV PATH=/opt/opshub/bin:$PATH PYTHONUNBUFFERED=1
USER opshub
WORKDIR /var/lib/opshub
EXPOSE 8400
ENTRYPOINT ["opshub"]
CMD ["up", "--host", "0.0.0.0", "--port", "8400"]
