#!/usr/bin/env bash
# `make e2e` where there is neither a cluster nor a registry: builds the image from local bases, starts a node with containerd
# and a kubelet by ../shared/cluster, runs everything in it, and removes it. Needs root, buildah, npm and Go.
#
#   test/e2e/local-node.sh     CLUSTER_SCRIPTS: the folder with up, exec, load and down
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cluster=$(cd "${CLUSTER_SCRIPTS:-../shared/cluster}" && pwd)
export CLUSTER=${CLUSTER:-/tmp/appsecret-e2e-cluster} CLUSTER_NETNS=${CLUSTER_NETNS:-appsecret-e2e}
export IMAGE=localhost/appsecret-operator:e2e ORDERS_IMAGE=localhost/orders:e2e PULL_POLICY=Never
# The node's side of the Pods' bridge.
export HOST_ADDRESS=10.88.0.1

# localhost/node-build:24, the base of the build stage: localhost/node:24 (Node alone) and this machine's npm.
build_image() {
  local container folder npm
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  container=$(buildah from localhost/node:24)
  buildah copy "$container" "$npm" /usr/local/lib/node_modules/npm
  # npm's own first line is `#!/usr/bin/env node`, and it looks for a shell.
  buildah copy "$container" /bin/busybox /bin/sh
  buildah copy "$container" /bin/busybox /usr/bin/env
  folder=$(mktemp -d)
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/npm"
  buildah copy "$container" "$folder" /usr/local/bin
  rm -r "$folder"
  # The registry may be behind a CA that only this machine knows.
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
    buildah copy "$container" "$NODE_EXTRA_CA_CERTS" /etc/ssl/certs/extra.crt
    buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/extra.crt "$container"
  fi
  buildah commit "$container" localhost/node-build:24
  buildah rm "$container"
}

"$cluster/runtime-image" >/dev/null
buildah inspect --type image localhost/node-build:24 >/dev/null 2>&1 || build_image >/dev/null 2>&1
export ENGINE=buildah BUILDAH_ISOLATION=chroot BUILD_IMAGE=localhost/node-build:24 RUNTIME_IMAGE=localhost/node:24
make --silent image
make --silent image DOCKERFILE=examples/workload/Dockerfile IMAGE="$ORDERS_IMAGE"

# The cluster's network leads nowhere: what `make e2e` would install there is installed before.
make --silent node_modules/.package-lock.json

work=$(mktemp -d)
trap '"$cluster/down"; rm -rf "$work"' EXIT
"$cluster/up"
for image in "$IMAGE" "$ORDERS_IMAGE"; do
  buildah push --quiet "$image" "docker-archive:$work/image.tar:$image"
  "$cluster/load" "$work/image.tar" >/dev/null
  rm "$work/image.tar"
done
"$cluster/exec" make --silent e2e
