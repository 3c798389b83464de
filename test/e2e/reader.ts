/** A Pod that reads the examples' Secrets as a workload does, and prints what it has read: names, and values masked. */
export const READER = "reader";

/** Prints each variable once, and each file again whenever it changes. Runs in the operator's image, whose entry point is node. */
const PROGRAM = `
const { readdirSync, readFileSync } = require("node:fs");
const mask = (value) => value.slice(0, 3) + "*** (" + value.length + " characters)";
for (const name of ["JWKS_URI", "AUDIENCE", "MONGODB_URI", "DATABASE_NAME"]) {
  console.log("env " + name + "=" + mask(process.env[name]));
}
const seen = new Map();
const look = () => {
  for (const folder of ["/etc/orders-db", "/etc/orders-settings"]) {
    for (const name of readdirSync(folder).filter((one) => !one.startsWith("."))) {
      const value = readFileSync(folder + "/" + name, "utf8");
      if (seen.get(name) !== value) console.log("file " + name + "=" + mask(value));
      seen.set(name, value);
    }
  }
};
look();
setInterval(look, 500);
`;

export function readerPod(namespace: string, image: string, imagePullPolicy: string): object {
  const secrets = ["orders-db", "orders-settings"];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: READER, namespace },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "reader",
          image,
          imagePullPolicy,
          args: ["--eval", PROGRAM],
          envFrom: ["orders-login", "orders-db"].map((name) => ({ secretRef: { name } })),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: secrets.map((name) => ({ name, mountPath: `/etc/${name}`, readOnly: true })),
        },
      ],
      volumes: secrets.map((name) => ({ name, secret: { secretName: name } })),
    },
  };
}
