#!/usr/bin/env bash
# Called by `make kind`: a kind cluster with the image built here in it, then everything that `make e2e` does. The cluster
# stays for you to look at; `kind delete cluster --name appsecret` removes it.
#
#   KIND_CLUSTER   its name; default appsecret
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing() {
  echo "make kind needs $1. On a cluster that you have, \`make e2e IMAGE=… KUBECONFIG=…\` does the same." >&2
  exit 1
}
command -v kind >/dev/null || missing "kind (https://kind.sigs.k8s.io)"
docker version >/dev/null 2>&1 || missing "docker, with its daemon running"

cluster=${KIND_CLUSTER:-appsecret}
# Not `latest`, which a node would try to pull.
export IMAGE=${IMAGE:-localhost/appsecret-operator:e2e}
export ENGINE=docker PULL_POLICY=Never ORDERS_IMAGE=localhost/orders:e2e
KUBECONFIG=$(mktemp)
export KUBECONFIG

hack/image.sh
DOCKERFILE=examples/workload/Dockerfile IMAGE=$ORDERS_IMAGE hack/image.sh
kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s
kind export kubeconfig --name "$cluster"
kind load docker-image "$IMAGE" "$ORDERS_IMAGE" --name "$cluster"
# Where docker runs on this machine and not in a virtual one, the nodes' gateway is this machine.
gateway=$(docker network inspect kind --format '{{range .IPAM.Config}}{{.Gateway}}{{"\n"}}{{end}}' | grep -m1 -F .) || gateway=
if [[ -n $gateway && $(ip -4 addr 2>/dev/null) == *" $gateway/"* ]]; then export HOST_ADDRESS=$gateway; fi
make e2e
