/** What every scene of the demo has at hand. */
import type { Reader } from "./reader.ts";
import type { Servers } from "./servers.ts";
import type { Stage } from "./stage.ts";

export type Scene = {
  stage: Stage;
  read: Reader;
  servers: Servers;
  /** `$DEMO` of the commands. */
  directory: string;
  /** Of programs that are started. */
  env: Record<string, string>;
};
