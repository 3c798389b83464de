/** The CustomResourceDefinition, generated from the zod schemas. */
import { GROUP, KIND, PLURAL, VERSION } from "#api/names";
import { specSchemaOf } from "#api/schema/spec";
import type { Condition, ConditionType } from "#api/status";
import type { TypeDefinition } from "#api/types/define";
import { TYPES } from "#api/types/index";
import { appSecretStatusSchema } from "./status-schema.ts";
import { type StructuralSchema, structuralSchema } from "./structural-schema.ts";

/** A column of `kubectl get`; those of priority 1 only appear with `-o wide`. */
type PrinterColumn = { name: string; type: "string" | "date"; jsonPath: string; description: string; priority?: 1 };

const condition = (type: ConditionType, field: keyof Condition): string =>
  `.status.conditions[?(@.type=="${type}")].${field}`;
const ready = (field: keyof Condition): string => condition("Ready", field);

const PRINTER_COLUMNS: PrinterColumn[] = [
  { name: "Type", type: "string", jsonPath: ".spec.type", description: "What the AppSecret publishes." },
  { name: "Ready", type: "string", jsonPath: ready("status"), description: "Whether the Secret matches the spec." },
  {
    name: "Verified",
    type: "string",
    jsonPath: condition("Verified", "status"),
    description: "Whether the live check succeeded, or there is none to make.",
  },
  { name: "Reason", type: "string", jsonPath: ready("reason"), description: "Why the AppSecret is ready or not." },
  { name: "Secret", type: "string", jsonPath: ".status.secret.name", description: "The published Secret." },
  {
    name: "Age",
    type: "date",
    jsonPath: ".metadata.creationTimestamp",
    description: "The time since the AppSecret was created.",
  },
  {
    name: "Message",
    type: "string",
    jsonPath: ready("message"),
    description: "The details of the reason.",
    priority: 1,
  },
];

/**
 * Builds the CRD for `kubectl apply`. Needs Kubernetes 1.32 (selectable fields, and the CEL of the rules).
 *
 * @throws OperatorError when a schema cannot be expressed as a structural one; see structural-schema.ts
 */
export function appSecretCrd(types: readonly TypeDefinition[] = TYPES): Record<string, unknown> {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: "Namespaced",
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: ["asec"],
        // Not "all": AppSecrets may hold secret values, and people run `kubectl get all` without a second thought.
        categories: ["appsecret"],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: PRINTER_COLUMNS,
          selectableFields: [{ jsonPath: ".spec.type" }],
          schema: { openAPIV3Schema: resource(types) },
        },
      ],
    },
  };
}

function resource(types: readonly TypeDefinition[]): StructuralSchema {
  return {
    type: "object",
    description:
      'An AppSecret describes a login configuration, a database or a set of key-value secrets. The operator checks it and publishes it as an ordinary Secret for your workloads. Content that a check has confirmed is replaced only by content that was confirmed too, unless spec.verify is "Off".',
    required: ["spec"],
    properties: {
      apiVersion: {
        type: "string",
        description: `The API version of this object: ${GROUP}/${VERSION}.`,
      },
      kind: { type: "string", description: `The kind of this object: ${KIND}.` },
      metadata: { type: "object" },
      spec: structuralSchema(specSchemaOf(types), "spec"),
      status: structuralSchema(appSecretStatusSchema, "status"),
    },
  };
}
