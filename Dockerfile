# The operator's image. Both base images are arguments, so that you can build from an internal registry or local images:
#
#   make image BUILD_IMAGE=registry.example.com/node:24 RUNTIME_IMAGE=registry.example.com/nodejs24
#
# BUILD_IMAGE must have Node 24 and npm on PATH. RUNTIME_IMAGE must have Node 24 or newer as its entry point, and CA
# certificates. It needs no shell, and the default has none.
ARG BUILD_IMAGE=docker.io/library/node:24-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# The bundle is the same on every architecture, so this stage runs on the builder's own, without emulation.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
USER 0
WORKDIR /src
COPY package.json package-lock.json .npmrc LICENSE ./
# Commands are lists, because a base image need not have a shell. No install script of a package runs; esbuild works without.
RUN ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
COPY operator ./operator
COPY hack/bundle.ts ./hack/
RUN ["node", "hack/bundle.ts", "/app"]

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.0.0
LABEL org.opencontainers.image.title="appsecret-operator" \
      org.opencontainers.image.description="Publishes a Secret for each AppSecret, once it is known to work" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /app /app
WORKDIR /app
# One malloc arena: with one for each of Node's threads, 14 MiB more stay resident. No --enable-source-maps: it keeps the map
# in memory from the start, 55 MiB (measured), and the bundle keeps all names anyway. Nothing is written to disk.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
USER 65532:65532
EXPOSE 8080
# The entry point of the base image is node.
CMD ["operator/main.js"]
