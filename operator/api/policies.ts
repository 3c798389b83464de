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
  VERSION,
} from "./names.ts";

const ADMISSION = "admissionregistration.k8s.io/v1";

/** A policy and the binding that puts it in force. */
export type PolicyAndBinding = [policy: Record<string, unknown>, binding: Record<string, unknown>];

/** Where `crds/` expects the operator to run; the chart names its own. */
const DEFAULT_SERVICE_ACCOUNT = { namespace: "appsecret-system", name: OPERATOR_NAME } as const;

/**
 * Refuses a second Authentication or Database in a namespace, naming the one that is there (design §3).
 *
 * The holder is found as the policy's parameter: AppSecrets of the request's namespace that bear the label
 * `appsecret.dev/holds`, of which there are two at most, so that a namespace with thousands of AppSecrets costs nothing
 * more. Only creations are looked at: the type cannot change, and what exists already is the operator's to judge. It is a
 * courtesy: when it cannot be evaluated the request passes, because the operator decides in the end.
 */
export function uniquenessPolicy(): PolicyAndBinding {
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
      matchConditions: [{ name: "held-by-one", expression: "object.spec.type in ['Authentication', 'Database']" }],
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
  serviceAccount: { namespace: string; name: string } = DEFAULT_SERVICE_ACCOUNT,
  name = `operator-secrets.${GROUP}`,
): PolicyAndBinding {
  const annotation = (object: string): string =>
    `has(${object}.metadata.annotations) && '${OWNER_ANNOTATION}' in ${object}.metadata.annotations ? ${object}.metadata.annotations['${OWNER_ANNOTATION}'] : ''`;
  const policy = {
    apiVersion: ADMISSION,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: [""],
            apiVersions: ["v1"],
            operations: ["CREATE", "UPDATE", "DELETE"],
            resources: ["secrets"],
            scope: "Namespaced",
          },
        ],
      },
      matchConditions: [
        {
          name: "the-operator",
          expression: `request.userInfo.username == 'system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}'`,
        },
      ],
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
          reason: "Forbidden",
        },
        {
          expression: "!variables.replaces || variables.ownerBefore != ''",
          message: `the operator may only change and delete Secrets that have the annotation ${OWNER_ANNOTATION}`,
          reason: "Forbidden",
        },
        {
          expression: `!variables.writes || variables.owner != '' && has(object.metadata.labels) && '${MANAGED_BY_LABEL}' in object.metadata.labels && object.metadata.labels['${MANAGED_BY_LABEL}'] == '${OPERATOR_NAME}'`,
          message: `the operator must mark the Secrets that it writes: annotation ${OWNER_ANNOTATION}, label ${MANAGED_BY_LABEL}: ${OPERATOR_NAME}`,
          reason: "Forbidden",
        },
        {
          expression: "!variables.writes || !variables.replaces || variables.owner == variables.ownerBefore",
          message: "the operator may not pass a Secret from one AppSecret to another",
          reason: "Forbidden",
        },
        {
          expression: `!variables.writes || !has(object.metadata.ownerReferences) || object.metadata.ownerReferences.all(reference, !has(reference.controller) || !reference.controller || reference.apiVersion.startsWith('${GROUP}/') && reference.kind == '${KIND}' && reference.name == variables.owner)`,
          message: `the operator may not write a Secret that anything but the AppSecret in its annotation ${OWNER_ANNOTATION} controls`,
          reason: "Forbidden",
        },
      ],
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
