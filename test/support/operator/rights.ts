import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import type { Api } from "./api.ts";
import type { Account } from "./service-account.ts";

/** A rule of RBAC, reduced to what the operator's roles use. */
export type Rule = { apiGroups: string[]; resources: string[]; verbs: string[] };

/** One verb on one resource. */
export type Right = { apiGroup: string; resource: string; verb: string };

/** The rules of every ClusterRole and Role in a YAML file, for instance a rendered chart. */
export async function readRules(file: string): Promise<Rule[]> {
  const documents = parseAllDocuments(await readFile(file, "utf8"));
  return documents.flatMap((document) => {
    const { kind, rules } = (document.toJS() ?? {}) as { kind?: string; rules?: Rule[] };
    return kind === "ClusterRole" || kind === "Role" ? (rules ?? []) : [];
  });
}

export function rightsOf(rules: readonly Rule[]): Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((apiGroup) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ apiGroup, resource, verb }))),
    ),
  );
}

export function without(rules: readonly Rule[], right: Right): Rule[] {
  return rightsOf(rules)
    .filter((other) => other.resource !== right.resource || other.verb !== right.verb)
    .map(({ apiGroup, resource, verb }) => ({ apiGroups: [apiGroup], resources: [resource], verbs: [verb] }));
}

/** Gives a ServiceAccount these rights in its own namespace, instead of those that it had by this function before. */
export async function grant(api: Api, { namespace, name }: Account, rules: readonly Rule[]): Promise<void> {
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const meta = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name, namespace } };
  await api.apply(`${rbac}/roles/${name}`, { ...meta, kind: "Role", rules });
  await api.apply(`${rbac}/rolebindings/${name}`, {
    ...meta,
    kind: "RoleBinding",
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [{ kind: "ServiceAccount", namespace, name }],
  });
}
