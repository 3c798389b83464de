#!/usr/bin/env bash
# Builds the operator's image with whatever is there: docker, podman or buildah. Called by `make image`; all settings are
# environment variables:
#
#   IMAGE           its name and tag
#   DOCKERFILE      of another program: examples/workload/Dockerfile
#   BUILD_IMAGE     base of the build stage    } Dockerfile has the defaults
#   RUNTIME_IMAGE   base of the image          }
#   PLATFORMS       linux/amd64,linux/arm64: several at once (docker needs buildx, and pushes with PUSH=true)
#   ENGINE          docker, podman or buildah; default: the first of them that works
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
image=${IMAGE:-ghcr.io/appsecret-dev/appsecret-operator:$version}
arguments=(--file "${DOCKERFILE:-Dockerfile}" --build-arg "VERSION=$version")
for name in BUILD_IMAGE RUNTIME_IMAGE; do
  [[ -z ${!name:-} ]] || arguments+=(--build-arg "$name=${!name}")
done

works() {
  case $1 in
    docker) docker version >/dev/null 2>&1 ;; # a docker without its daemon does not count
    *) command -v "$1" >/dev/null ;;
  esac
}
engine=${ENGINE:-}
for candidate in docker podman buildah; do
  if [[ -z $engine ]] && works "$candidate"; then engine=$candidate; fi
done
if [[ -z $engine ]]; then
  echo "make image needs docker (with its daemon running), podman or buildah." >&2
  exit 1
fi

echo "Building $image with $engine …" >&2
case $engine in
  docker)
    if [[ -n ${PLATFORMS:-} ]]; then
      docker buildx build "${arguments[@]}" --platform "$PLATFORMS" --tag "$image" ${PUSH:+--push} .
    else
      docker build "${arguments[@]}" --tag "$image" .
    fi
    ;;
  podman | buildah)
    build=("$engine" build --format docker ${BUILDAH_ISOLATION:+--isolation "$BUILDAH_ISOLATION"})
    if [[ -n ${PLATFORMS:-} ]]; then
      "${build[@]}" "${arguments[@]}" --platform "$PLATFORMS" --manifest "$image" .
      [[ -z ${PUSH:-} ]] || "$engine" manifest push --all "$image" "docker://$image"
    else
      "${build[@]}" "${arguments[@]}" --tag "$image" .
    fi
    ;;
esac
echo "$image"
