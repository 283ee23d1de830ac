# Driftline in an image of its own: built with everything it links, run by nobody in particular.
FROM rust:1.90-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked && strip target/release/driftline

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home driftline
COPY --from=build /src/target/release/driftline /usr/local/bin/driftline
USER 10001
EXPOSE 9464
ENTRYPOINT ["driftline"]
CMD ["run"]
