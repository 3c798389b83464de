/** `make control-plane`: starts a control plane, prints how to use it, and stays until Ctrl-C. */
import { ControlPlaneError, startControlPlane } from "./index.ts";

const began = performance.now();
try {
  const cluster = await startControlPlane();
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(
    `# The control plane is up after ${seconds} s. Press Ctrl-C to stop it. In another terminal, run:\n`,
  );
  process.stdout.write(`export KUBECONFIG=${cluster.kubeconfigPath} PATH=${cluster.binDir}:$PATH\n`);
  await new Promise<void>((resolve) => {
    const stay = setInterval(() => undefined, 2 ** 30);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.once(signal, () => {
        clearInterval(stay);
        resolve();
      });
    }
  });
  await cluster.stop();
} catch (error) {
  if (!(error instanceof ControlPlaneError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
