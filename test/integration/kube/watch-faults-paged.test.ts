/**
 * The tests of watch-faults.test.ts against an API server that does not stream lists, as Kubernetes 1.33 does by default:
 * the reflector lists in pages there, and each list is followed by a watch of its own.
 */
import { startControlPlane } from "#testbed/control-plane/index";

const cluster = await startControlPlane({
  env: { ...process.env, USE_EXISTING_CLUSTER: "false" },
  apiServerFlags: { "feature-gates": "WatchList=false" },
});
Object.assign(process.env, cluster.env);
await import("./watch-faults.test.ts");
