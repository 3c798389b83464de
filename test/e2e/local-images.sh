#!/usr/bin/env bash
# For a machine that can pull no image: makes localhost/node-build:24, a base for the Dockerfile's build stage, out of
# localhost/node:24 (Node alone; ../shared/cluster/runtime-image makes it) and this machine's npm.
set -euo pipefail
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
container=$(buildah from localhost/node:24)
trap 'buildah rm "$container" >/dev/null' EXIT
buildah copy "$container" "$npm" /usr/local/lib/node_modules/npm >/dev/null
# npm's own first line is `#!/usr/bin/env node`, and it looks for a shell.
buildah copy "$container" /bin/busybox /bin/sh >/dev/null
buildah copy "$container" /bin/busybox /usr/bin/env >/dev/null
folder=$(mktemp -d)
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/npm"
buildah copy "$container" "$folder" /usr/local/bin >/dev/null
rm -r "$folder"
buildah config --user 0 "$container"
# The registry may be behind a CA that only this machine knows.
if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
  buildah copy "$container" "$NODE_EXTRA_CA_CERTS" /etc/ssl/certs/extra.crt >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/extra.crt "$container"
fi
buildah commit "$container" localhost/node-build:24 >/dev/null
echo localhost/node-build:24
