import {
  API_VERSION,
  CONTENT_VERSION_ANNOTATION,
  KIND,
  MANAGED_BY_LABEL,
  OPERATOR_NAME,
  OWNER_ANNOTATION,
} from "#api/names";
import type { AppSecret, AppSecretSpec } from "#api/schema/spec";
import type { DesiredSecret } from "./actions.ts";

/**
 * The Secret that a spec asks for. Of the AppSecret's own metadata nothing is copied: Argo CD's tracking label or
 * annotation on the Secret would make it look like a resource of the application, to be pruned (design §1).
 *
 * @param data base64 by published key
 * @param version of the content, where it is counted (restart.ts)
 */
export function desiredSecret(
  { metadata }: AppSecret,
  spec: AppSecretSpec,
  name: string,
  data: Record<string, string>,
  version: number | undefined,
): DesiredSecret {
  return {
    name,
    labels: { ...spec.target.labels, [MANAGED_BY_LABEL]: OPERATOR_NAME },
    annotations: {
      ...spec.target.annotations,
      [OWNER_ANNOTATION]: metadata.name,
      ...(version === undefined ? {} : { [CONTENT_VERSION_ANNOTATION]: `${version}` }),
    },
    ...(spec.deletionPolicy === "Retain"
      ? {}
      : {
          ownerReference: {
            apiVersion: API_VERSION,
            kind: KIND,
            name: metadata.name,
            uid: metadata.uid,
            controller: true,
            blockOwnerDeletion: false,
          },
        }),
    immutable: spec.target.immutable,
    data,
  };
}
