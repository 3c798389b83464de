import { API_VERSION, KIND, OWNER_ANNOTATION } from "#api/names";
import type { SecretMeta } from "./observed.ts";

/**
 * Whose Secret is it? The annotation decides: the operator never touches a Secret without it, or with another name in it. It
 * also refuses a second controller, even where the annotation names this AppSecret, for two owners of one Secret undo each
 * other's writes without end (cert-manager#9029).
 *
 * @returns undefined when the Secret belongs to the AppSecret of this name, else a message for its status.
 */
export function ownershipProblem(secret: SecretMeta, appSecretName: string): string | undefined {
  const owner = secret.annotations?.[OWNER_ANNOTATION];
  if (owner === undefined) {
    return (
      `Secret "${secret.name}" exists and is not managed by an AppSecret. Choose another spec.target.name, or hand it over ` +
      `(kubectl annotate secret -n ${secret.namespace} ${secret.name} ${OWNER_ANNOTATION}=${appSecretName}).`
    );
  }
  if (owner !== appSecretName) {
    return `Secret "${secret.name}" belongs to AppSecret "${owner}". Choose another spec.target.name.`;
  }
  const controller = secret.ownerReferences?.find((reference) => reference.controller === true);
  if (controller && !(controller.apiVersion === API_VERSION && controller.kind === KIND && controller.name === owner)) {
    return (
      `Secret "${secret.name}" is controlled by ${controller.kind} "${controller.name}". ` +
      `Choose another spec.target.name, or remove that ownerReference.`
    );
  }
  return undefined;
}
