/** The admission policies: CEL that runs in the API server, without a webhook, a certificate or a server that can fail. */
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
 * `appsecret.dev/holds`. There is at most one per such type, so a namespace with thousands of AppSecrets costs no more.
 * The policy looks only at creations: the type cannot change, and the operator judges what exists already. If the policy
 * cannot be evaluated the request passes, because the operator has the last word.
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
          // Of the same name: let `kubectl create` say AlreadyExists. A holder that is being deleted no longer counts.
          expression: [
            "params.spec.type != object.spec.type",
            "has(params.metadata.deletionTimestamp)",
            "params.metadata.name == object.metadata.name",
          ].join(" || "),
          messageExpression: `'namespace ' + params.metadata.namespace + ' already has an AppSecret of type ' + params.spec.type + ': ' + params.metadata.name + '. A namespace can have only one. Change that one, or delete it first.'`,
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
 * Limits the operator itself: its ServiceAccount may write Opaque Secrets of an AppSecret, and no others.
 *
 * RBAC can only say "Secrets". With this policy, a stolen operator token can neither mint ServiceAccount tokens nor
 * overwrite certificates, Helm releases or Secrets that belong to no AppSecret. The annotation says which Secrets are
 * an AppSecret's, because a retained Secret has no ownerReference. The policy also judges the old object, or an update
 * could claim a Secret by writing the annotation in the same request.
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
        message: "the operator may write only Secrets of type Opaque",
      },
      {
        expression: "!variables.replaces || variables.ownerBefore != ''",
        message: `the operator may change and delete only Secrets with the annotation ${OWNER_ANNOTATION}`,
      },
      {
        expression: `!variables.writes || variables.owner != '' && has(object.metadata.labels) && '${MANAGED_BY_LABEL}' in object.metadata.labels && object.metadata.labels['${MANAGED_BY_LABEL}'] == '${OPERATOR_NAME}'`,
        message: `the operator must mark the Secrets that it writes with the annotation ${OWNER_ANNOTATION} and the label ${MANAGED_BY_LABEL}: ${OPERATOR_NAME}`,
      },
      {
        expression: "!variables.writes || !variables.replaces || variables.owner == variables.ownerBefore",
        message: "the operator must not pass a Secret from one AppSecret to another",
      },
      {
        expression: `!variables.writes || !has(object.metadata.ownerReferences) || object.metadata.ownerReferences.all(reference, !has(reference.controller) || !reference.controller || reference.apiVersion.startsWith('${GROUP}/') && reference.kind == '${KIND}' && reference.name == variables.owner)`,
        message: `the operator must not write a Secret that is controlled by anything other than the AppSecret in its annotation ${OWNER_ANNOTATION}`,
      },
    ],
  });
}

/**
 * Limits the operator itself: its ServiceAccount may change the annotations of a Pod template that restart a workload, and
 * nothing else in the workload.
 *
 * RBAC can only say "patch Deployments", and anyone who can do that can run any image. The policy compares everything but
 * what the API server itself changes with every update: a list of fields would be out of date with the next Kubernetes.
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
        message: "the operator must not create or delete workloads",
      },
      ...WORKLOAD_PARTS.map(({ path, free }) => ({
        expression: `request.operation != 'UPDATE' || ${sameBut(free, path)}`,
        message: `the operator may change only the annotations ${RESTARTED_FOR_PREFIX}… of the Pod template in a workload`,
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

/** A policy that limits the operator: it ignores all other clients, and refuses what it cannot evaluate. */
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
