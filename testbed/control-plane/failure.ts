/** What can go wrong with the local control plane. `code` is stable; `message` is for a person and says what to do. */
export type ControlPlaneErrorCode =
  "UnknownVersion" | "NoBinaries" | "BuildFailed" | "CannotStart" | "ServerFailed" | "ExistingCluster";

export class ControlPlaneError extends Error {
  readonly code: ControlPlaneErrorCode;

  constructor(code: ControlPlaneErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ControlPlaneError";
    this.code = code;
  }
}
