/** Which Kubernetes the testbed runs, and how it builds one that this repository has no go.mod for. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { goModFor } from "#testbed/control-plane/module";
import {
  cacheDirectory,
  ETCD_VERSION,
  GO_VERSION,
  KUBERNETES_VERSION,
  kubernetesVersion,
} from "#testbed/control-plane/versions";

const goMod = (module: string) => readFileSync(`testbed/control-plane/${module}/go.mod`, "utf8");

test("the versions in the code are those of the go.mod files", () => {
  assert.match(goMod("kubernetes"), `k8s.io/kubernetes v${KUBERNETES_VERSION}`);
  assert.match(goMod("etcd"), `go.etcd.io/etcd/server/v3 v${ETCD_VERSION}`);
  for (const module of ["kubernetes", "etcd"]) assert.match(goMod(module), new RegExp(`^go ${GO_VERSION}\\.`, "m"));
});

for (const [wanted, version] of [
  [undefined, KUBERNETES_VERSION],
  ["", KUBERNETES_VERSION],
  ["1.33.13", "1.33.13"],
  ["v1.33.13", "1.33.13"],
  ["1.33", "1.33.13"],
  ["1.36.0", "1.36.0"],
] as const) {
  test(`KUBERNETES=${wanted ?? "(not set)"} is ${version}, with a cache of its own`, () => {
    const env = { HOME: "/home/a", ...(wanted === undefined ? {} : { KUBERNETES: wanted }) };
    assert.is(kubernetesVersion(env), version);
    assert.match(cacheDirectory(env), `/home/a/.cache/appsecret-operator/control-plane-${version}-etcd-`);
  });
}

for (const wanted of ["latest", "1.99", "2.0.0", "1.33.x", "1"]) {
  test(`KUBERNETES=${wanted} is refused with the versions that are tested`, () => {
    assert.throws(
      () => kubernetesVersion({ KUBERNETES: wanted }),
      ({ message }: Error) => message.startsWith(`KUBERNETES=${wanted} is not`) && message.includes("1.33.13, 1.34.12"),
    );
  });
}

const UPSTREAM = `// This is a generated file. Do not edit directly.

module k8s.io/kubernetes

go 1.23.0

godebug default=go1.23

require (
	github.com/blang/semver/v4 v4.0.0
	k8s.io/api v0.0.0
	k8s.io/endpointslice v0.0.0
)

require github.com/single/line v1.0.0

require (
	cel.dev/expr v0.18.0 // indirect
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/endpointslice => ./staging/src/k8s.io/endpointslice
)
`;

test("another version is built from what Kubernetes itself requires, its staging modules as they are published", () => {
  assert.is(
    goModFor("1.33.13", UPSTREAM),
    `module appsecret.dev/testbed/kubernetes

go 1.23.0

godebug default=go1.23

require (
	k8s.io/kubernetes v1.33.13
	github.com/blang/semver/v4 v4.0.0
	k8s.io/api v0.0.0
	k8s.io/endpointslice v0.0.0
	github.com/single/line v1.0.0
)

replace (
	k8s.io/api => k8s.io/api v0.33.13
	k8s.io/endpointslice => k8s.io/endpointslice v0.33.13
)
`,
  );
});

test("a staging module that was not published with its release is taken from the one before", () => {
  assert.match(goModFor("1.32.13", UPSTREAM), "k8s.io/endpointslice => k8s.io/endpointslice v0.32.12\n");
  assert.match(goModFor("1.32.13", UPSTREAM), "k8s.io/api => k8s.io/api v0.32.13\n");
});

test.run();
