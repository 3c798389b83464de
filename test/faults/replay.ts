/** Plays a sequence again that model.test.ts or the soak has printed: node test/faults/replay.ts '<json>' */
import { startControlPlane } from "#testbed/control-plane/index";
import { installRights } from "#support/operator/service-account";
import { collects, installCrds } from "#support/cluster";
import type { Case } from "./model-run.ts";
import { playCase } from "./model-run.ts";
import { Broken } from "./play.ts";

const [json] = process.argv.slice(2);
if (json === undefined) {
  console.error("usage: node test/faults/replay.ts '<the JSON that the failed test printed>'");
  process.exit(2);
}
const found = JSON.parse(json) as Case;
const cluster = await startControlPlane();
try {
  Object.assign(process.env, cluster.env);
  await installCrds(cluster);
  await installRights();
  await collects();
  await playCase(found);
  console.log("It came to what the model says.");
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  console.log(error.message);
  process.exitCode = 1;
} finally {
  await cluster.stop();
}
