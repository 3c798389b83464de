/** The admission policies: CEL that runs inside the API server. No webhook, no certificate, nothing that can be down. */
import {
  API_VERSION,
  GROUP,
  HOLDS_LABEL,
  KIND,
  MANAGED_BY_LABEL,
  OPERATOR_NAME,
  OWNER_ANNOTATION,
  PLURAL,
  RESTARTED_FOR_PREFIX,
  VERSION,
} from "#api/names";
import { listOf } from "#api/schema/formats";
import type { TypeDefinition } from "#api/types/define";
import { TYPES } from "#api/types/index";
import { onePerNamespace } from "#api/types/of-spec";

const ADMISSION = "admissionregistration.k8s.io/v1";

/** A policy and the binding that puts it in force. */
export type PolicyAndBinding = [policy: Record<string, unknown>, binding: Record<string, unknown>];

type Account = { namespace: string; name: string };

/** Where `crds/` expects the operator to run; the chart names its own. */
const DEFAULT_SERVICE_ACCOUNT: Account = { namespace: "appsecret-system", name: OPERATOR_NAME };

/**
 * Refuses a second AppSecret of a type that a namespace has once, naming the one that is there.
 *
 * The holder is found as the policy's parameter: AppSecrets of the request's namespace that bear the label
 * `appsecret.dev/holds`, of which there are two at most, so that a namespace with thousands of AppSecrets costs nothing
 * more. Only creations are looked at: the type cannot change, and what exists already is the operator's to judge. It is a
 * courtesy: when it cannot be evaluated the request passes, because the operator decides in the end.
 */
export function uniquenessPolicy(types: readonly TypeDefinition[] = TYPES): PolicyAndBinding {
  const name = `one-per-namespace.${GROUP}`;
  const policy = {
    apiVersion: ADMISSION,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Ignore",
      paramKind: { apiVersion: API_VERSION, kind: KIND },
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [GROUP],
            apiVersions: [VERSION],
            operations: ["CREATE"],
            resources: [PLURAL],
            scope: "Namespaced",
          },
        ],
      },
      matchConditions: [{ name: "held-by-one", expression: `object.spec.type in ${listOf(onePerNamespace(types))}` }],
      validations: [
        {
          // The same name: `kubectl create` is to say AlreadyExists. A holder that waits for its finalizers has left.
          expression: [
            "params.spec.type != object.spec.type",
            "has(params.metadata.deletionTimestamp)",
            "params.metadata.name == object.metadata.name",
          ].join(" || "),
          messageExpression: `'namespace ' + params.metadata.namespace + ' has its ' + params.spec.type + ' already: AppSecret ' + params.metadata.name + '. There is one per namespace: change that one, or delete it first.'`,
          reason: "Forbidden",
        },
      ],
    },
  };
  const binding = {
    apiVersion: ADMISSION,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: {
      policyName: name,
      paramRef: {
        selector: { matchExpressions: [{ key: HOLDS_LABEL, operator: "Exists" }] },
        parameterNotFoundAction: "Allow",
      },
      validationActions: ["Deny"],
    },
  };
  return [policy, binding];
}

/**
 * Limits the operator itself (design §7): its ServiceAccount may write Opaque Secrets of an AppSecret, and no others.
 *
 * RBAC can only say "Secrets". With this, whoever gets hold of the operator's token can neither mint ServiceAccount tokens
 * nor overwrite certificates, Helm releases or Secrets that nobody gave to an AppSecret. A Secret is an AppSecret's when
 * it is annotated so: a retained Secret has no ownerReference. What was there before is judged too, or an update could
 * claim a Secret by writing the annotation in the same request.
 */
export function operatorSecretsPolicy(
  serviceAccount = DEFAULT_SERVICE_ACCOUNT,
  name = `operator-secrets.${GROUP}`,
): PolicyAndBinding {
  const annotation = (object: string): string =>
    `has(${object}.metadata.annotations) && '${OWNER_ANNOTATION}' in ${object}.metadata.annotations ? ${object}.metadata.annotations['${OWNER_ANNOTATION}'] : ''`;
  return limitsFor(serviceAccount, name, {
    apiGroups: [""],
    apiVersions: ["v1"],
    resources: ["secrets"],
    variables: [
      { name: "writes", expression: "request.operation != 'DELETE'" },
      { name: "replaces", expression: "request.operation != 'CREATE'" },
      { name: "owner", expression: `variables.writes ? (${annotation("object")}) : ''` },
      { name: "ownerBefore", expression: `variables.replaces ? (${annotation("oldObject")}) : ''` },
    ],
    validations: [
      {
        expression:
          "(!variables.writes || object.type == 'Opaque') && (!variables.replaces || oldObject.type == 'Opaque')",
        message: "the operator may only write Secrets of type Opaque",
      },
      {
        expression: "!variables.replaces || variables.ownerBefore != ''",
        message: `the operator may only change and delete Secrets that have the annotation ${OWNER_ANNOTATION}`,
      },
      {
        expression: `!variables.writes || variables.owner != '' && has(object.metadata.labels) && '${MANAGED_BY_LABEL}' in object.metadata.labels && object.metadata.labels['${MANAGED_BY_LABEL}'] == '${OPERATOR_NAME}'`,
        message: `the operator must mark the Secrets that it writes: annotation ${OWNER_ANNOTATION}, label ${MANAGED_BY_LABEL}: ${OPERATOR_NAME}`,
      },
      {
        expression: "!variables.writes || !variables.replaces || variables.owner == variables.ownerBefore",
        message: "the operator may not pass a Secret from one AppSecret to another",
      },
      {
        expression: `!variables.writes || !has(object.metadata.ownerReferences) || object.metadata.ownerReferences.all(reference, !has(reference.controller) || !reference.controller || reference.apiVersion.startsWith('${GROUP}/') && reference.kind == '${KIND}' && reference.name == variables.owner)`,
        message: `the operator may not write a Secret that anything but the AppSecret in its annotation ${OWNER_ANNOTATION} controls`,
      },
    ],
  });
}

/**
 * Limits the operator itself (design §7): of a workload its ServiceAccount may change the annotations of the Pod template
 * by which it restarts it, and nothing else.
 *
 * RBAC can only say "patch Deployments", and whoever may do that can have any image run. All is compared but what the API
 * server changes by itself with every update. Lists of fields would be out of date with the next release of Kubernetes.
 */
export function operatorWorkloadsPolicy(
  serviceAccount = DEFAULT_SERVICE_ACCOUNT,
  name = `operator-workloads.${GROUP}`,
): PolicyAndBinding {
  return limitsFor(serviceAccount, name, {
    apiGroups: ["apps"],
    apiVersions: ["*"],
    resources: ["deployments", "statefulsets", "daemonsets"],
    validations: [
      {
        expression: "request.operation == 'UPDATE'",
        message: "the operator may neither create nor delete workloads",
      },
      ...WORKLOAD_PARTS.map(({ path, free }) => ({
        expression: `request.operation != 'UPDATE' || ${sameBut(free, path)}`,
        message: `the operator may change nothing of a workload but the annotations ${RESTARTED_FOR_PREFIX}… of its Pod template`,
      })),
    ],
  });
}

/** From the whole to its parts: which keys of each the request may change, and which the API server changes with it. */
const WORKLOAD_PARTS: { path: string; free: string[] }[] = [
  {
    path: "metadata",
    free: ["annotations", "managedFields", "generation", "resourceVersion"].map(isKey),
  },
  // The count of a DaemonSet's templates, which apps/v1 keeps here.
  { path: "metadata.?annotations.orValue({})", free: [isKey("deprecated.daemonset.template.generation")] },
  { path: "spec", free: [isKey("template")] },
  { path: "spec.template", free: [isKey("metadata")] },
  { path: "spec.template.?metadata.orValue({})", free: [isKey("annotations")] },
  {
    path: "spec.template.?metadata.?annotations.orValue({})",
    free: [`key.startsWith('${RESTARTED_FOR_PREFIX}')`],
  },
];

/** CEL: at this path the old and the new object have the same, down to the last field, except for keys that are free. */
function sameBut(free: readonly string[], path: string): string {
  const within = (a: string, b: string): string =>
    `dyn(${a}.${path}).all(key, ${[...free, `key in dyn(${b}.${path}) && dyn(${a}.${path})[key] == dyn(${b}.${path})[key]`].join(" || ")})`;
  return `${within("object", "oldObject")} && ${within("oldObject", "object")}`;
}

function isKey(name: string): string {
  return `key == '${name}'`;
}

type Limits = {
  apiGroups: string[];
  apiVersions: string[];
  resources: string[];
  variables?: { name: string; expression: string }[];
  validations: { expression: string; message: string }[];
};

/** What limits the operator: nobody else's requests are looked at, and none of its own passes when it cannot be judged. */
function limitsFor(account: Account, name: string, limits: Limits): PolicyAndBinding {
  const { apiGroups, apiVersions, resources, variables, validations } = limits;
  const operations = ["CREATE", "UPDATE", "DELETE"];
  const isOperator = `request.userInfo.username == 'system:serviceaccount:${account.namespace}:${account.name}'`;
  const policy = {
    apiVersion: ADMISSION,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [{ apiGroups, apiVersions, operations, resources, scope: "Namespaced" }],
      },
      matchConditions: [{ name: "the-operator", expression: isOperator }],
      ...(variables ? { variables } : {}),
      validations: validations.map((validation) => ({ ...validation, reason: "Forbidden" })),
    },
  };
  const binding = {
    apiVersion: ADMISSION,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"] },
  };
  return [policy, binding];
}
