import assert from "node:assert";
import { test } from "uvu";
import type { Api } from "./api.ts";
import { connect } from "./api.ts";
import type { Environment } from "./environment.ts";
import { createEnvironment } from "./environment.ts";
import type { Operator } from "./operator.ts";
import { ENDS_WITHIN_MS, startOperator } from "./operator.ts";
import type { Login } from "./service-account.ts";
import { installRights, logIn, OPERATOR_ACCOUNT } from "./service-account.ts";

/**
 * The tests of one file: one operator for all of them, as a real process under its ServiceAccount, and a namespace of its
 * own for each test. The operator watches these namespaces only, so that other files can run at the same time: two
 * operators over one AppSecret would each undo what the other one has just published.
 */
export type Suite = {
  /** Registers a test under the name of what the operator promises. */
  promise: (name: string, keeps: (env: Environment, operator: OperatorHandle) => Promise<void>) => void;
  /** To be called last, once. */
  run: () => void;
};

export type OperatorHandle = {
  readonly now: Operator;
  /** Ends the process in an orderly way and starts another one. `between` happens while there is none. */
  restart(between?: () => Promise<void>): Promise<Operator>;
  /** Kills the process and starts another one. */
  crash(): Promise<Operator>;
};

/**
 * @param prefix of the namespaces' names
 * @param flags of the operator; a function is called once, before it starts
 */
export function operatorSuite(
  prefix: string,
  flags: readonly string[] | (() => Promise<readonly string[]>) = [],
): Suite {
  const promises: { name: string; keeps: Parameters<Suite["promise"]>[1] }[] = [];
  const environments: Environment[] = [];
  let api: Api;
  let login: Login;
  let operator: Operator;
  let given: readonly string[];

  const start = () =>
    startOperator({
      kubeconfig: login.kubeconfig,
      namespaces: environments.map(({ namespace }) => namespace),
      flags: given,
    });
  const handle: OperatorHandle = {
    get now() {
      return operator;
    },
    async restart(between) {
      assertOrderly(operator, await operator.stop());
      await between?.();
      return (operator = await start());
    },
    async crash() {
      await operator.stop("SIGKILL");
      return (operator = await start());
    },
  };

  test.before(async () => {
    api = await connect();
    await installRights();
    login = await logIn(api, OPERATOR_ACCOUNT);
    given = typeof flags === "function" ? await flags() : flags;
    for (const _ of promises) environments.push(await createEnvironment(api, prefix));
    operator = await start();
  });

  test.after(async () => {
    await operator.stop("SIGKILL");
    await login.remove();
    for (const { namespace } of environments) await api.remove(`/api/v1/namespaces/${namespace}`);
    await api.close();
  });

  return {
    promise(name, keeps) {
      const index = promises.push({ name, keeps }) - 1;
      test(name, async () => {
        const env = environments[index]!;
        try {
          await keeps(env, handle);
        } catch (error) {
          console.error(`The operator's log of "${name}":\n${logOf(operator, env.namespace)}\n`);
          throw error;
        } finally {
          env.close();
        }
      });
    },
    run() {
      test("meanwhile the operator logged no error, and SIGTERM ends it", async () => {
        assertOrderly(operator, await operator.stop());
      });
      test.run();
    },
  };
}

function assertOrderly(operator: Operator, ending: Awaited<Operator["ended"]>): void {
  const errors = operator.log().filter(({ level }) => level === "error" || level === "fatal");
  assert.deepEqual(errors, [], "it logged errors");
  assert.doesNotMatch(operator.output(), /^\s+at .*:\d+:\d+\)?$/m, "it printed a stack trace");
  assert.deepEqual({ code: ending.code, signal: ending.signal }, { code: 0, signal: null });
  assert.ok(ending.ms < ENDS_WITHIN_MS, `it took ${ending.ms} ms to end`);
}

/** The last lines that concern a namespace, or no namespace at all. */
function logOf(operator: Operator, namespace: string): string {
  const lines = operator
    .output()
    .split("\n")
    .filter((line) => line.includes(namespace) || !line.includes('"namespace"'));
  return lines.slice(-40).join("\n");
}
