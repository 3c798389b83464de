/** The generated CRD as the pages and the schema for editors read it. */
import type { StructuralSchema } from "#manifests/structural-schema";
import { appSecretCrd } from "#manifests/crd";
import { VALIDATIONS } from "#api/schema/rules";

/** A rule of the API server, as the CRD carries it. */
export type Validation = { rule: string; message: string; fieldPath?: string };

type Column = { name: string; jsonPath: string; description: string; priority?: number };
type Version = {
  additionalPrinterColumns: Column[];
  schema: { openAPIV3Schema: StructuralSchema & { properties: Record<string, StructuralSchema> } };
};

/** The one version of the API that there is. */
export function version(): Version {
  const { spec } = appSecretCrd() as { spec: { versions: [Version] } };
  return spec.versions[0];
}

export function validationsOf(node: StructuralSchema): Validation[] {
  return (node[VALIDATIONS] ?? []) as Validation[];
}
