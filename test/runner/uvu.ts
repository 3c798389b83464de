import { writeSync } from "node:fs";
import * as uvu from "uvu";
import type { Callback, Test } from "uvu";

/** uvu, and each test tells the runner on file descriptor 3 when it begins and how it ends, one JSON object a line. */

/** What a test tells. `began` without an end names the test that hung or in which the process died. */
export type Told = { what: "began" | "passed" | "failed" | "skipped"; name: string; ms: number };

function tell(told: Told): void {
  writeSync(3, `${JSON.stringify(told)}\n`);
}

function telling<T>(test: Test<T>): Test<T> {
  const named = (suite: string, name: string) => (suite === "" ? name : `${suite}: ${name}`);
  const told =
    (name: string, body: Callback<T>): Callback<T> =>
    async (context) => {
      const full = named(context.__suite__, name);
      const began = performance.now();
      const passed = () => Math.round(performance.now() - began);
      tell({ what: "began", name: full, ms: 0 });
      try {
        await body(context);
      } catch (error) {
        tell({ what: "failed", name: full, ms: passed() });
        throw error;
      }
      tell({ what: "passed", name: full, ms: passed() });
    };
  return Object.assign((name: string, body: Callback<T>) => test(name, told(name, body)), {
    // eslint-disable-next-line no-restricted-syntax -- for use while a test is being written
    only: (name: string, body: Callback<T>) => test.only(name, told(name, body)),
    skip: (name = "", body?: Callback<T>) => {
      tell({ what: "skipped", name, ms: 0 });
      test.skip(name, body);
    },
    before: saying("before", test.before),
    after: saying("after", test.after),
    run: () => test.run(),
  });
}

/** uvu swallows what a `before` throws: the tests are then counted as failed, and nothing says why. */
function saying<T>(name: string, hook: Test<T>["before"]): Test<T>["before"] {
  const said =
    (when: string, body: Callback<T>): Callback<T> =>
    async (context) => {
      try {
        await body(context);
      } catch (error) {
        console.error(`The hook "${when}" failed:`, error);
        throw error;
      }
    };
  return Object.assign((body: Callback<T>) => hook(said(name, body)), {
    each: (body: Callback<T>) => hook.each(said(`${name}.each`, body)),
  });
}

export const test: Test = telling(uvu.test);
export const suite = <T>(title?: string, context?: T): Test<T> => telling(uvu.suite(title, context));
export const exec = uvu.exec;
