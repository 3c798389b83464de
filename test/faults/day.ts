import type { Environment } from "#support/operator/environment";
import { custom, database, from, login } from "#support/operator/specs";
import { holds, ready } from "#support/operator/waits";

/**
 * A day in a namespace: everything that people do with AppSecrets, one after another, each when the one before is done. It
 * has one right end, whatever goes wrong on the way.
 */
export type Day = readonly { what: string; act: (env: Environment, patienceMs: number) => Promise<unknown> }[];

export const DAY: Day = [
  {
    what: "the sources and the three types are created",
    async act(env, ms) {
      await env.putSecret("upstream", { token: "one", uri: "mongodb://orders:one@db.example.com/" });
      await env.putSecret("foreign", { A: "theirs" });
      await env.apply("web-login", login());
      await env.apply("orders-db", database({ target: { name: "db" } }, from("upstream", "uri")));
      await env.apply("keys", custom({ TOKEN: from("upstream", "token"), PLAIN: "p" }));
      await env.apply("kept", custom({ A: "1" }, { deletionPolicy: "Retain" }));
      await env.apply("blocked", custom({ A: "ours" }, { target: { name: "foreign" } }));
      for (const name of ["web-login", "orders-db"]) await ready(env, name, "True/PublishedUnverified", ms);
      for (const name of ["keys", "kept"]) await ready(env, name, "True/Published", ms);
      await ready(env, "blocked", "False/SecretNotOwned", ms);
    },
  },
  {
    what: "values and targets are edited",
    async act(env, ms) {
      await env.apply("keys", custom({ TOKEN: from("upstream", "token"), PLAIN: "q", MORE: "m" }));
      await env.apply("orders-db", database({ target: { name: "db-2" } }, from("upstream", "uri")));
      await ready(env, "keys", "True/Published", ms);
      await ready(env, "orders-db", "True/PublishedUnverified", ms);
    },
  },
  {
    what: "the source changes, and somebody edits a published Secret",
    async act(env, ms) {
      await env.putSecret("upstream", { token: "two", uri: "mongodb://orders:two@db.example.com/" });
      await env.deleteSecret("kept");
      await env.patchSecret("web-login", { data: { AUDIENCE: null } });
      await holds(env, "keys", "TOKEN", "two", ms);
      await holds(env, "db-2", "MONGODB_URI", "mongodb://orders:two@db.example.com/", ms);
      await holds(env, "kept", "A", "1", ms);
      await holds(env, "web-login", "AUDIENCE", "orders-api", ms);
    },
  },
  {
    what: "one is disabled, one suspended, one loses its source",
    async act(env, ms) {
      await env.apply("web-login", login({ authentication: { enabled: false } }));
      await env.apply("kept", custom({ A: "2" }, { deletionPolicy: "Retain", suspend: true }));
      await env.deleteSecret("upstream");
      await ready(env, "web-login", "True/Disabled", ms);
      await ready(env, "kept", "True/Suspended", ms);
      await ready(env, "keys", "False/SourceNotFound", ms);
    },
  },
  {
    what: "all of that is mended, and one AppSecret deleted",
    async act(env, ms) {
      await env.putSecret("upstream", { token: "three", uri: "mongodb://orders:three@db.example.com/" });
      await env.apply("web-login", login({ authentication: { audience: "changed" } }));
      await env.apply("kept", custom({ A: "3" }, { deletionPolicy: "Retain" }));
      await env.deleteAppSecret("blocked");
      await holds(env, "keys", "TOKEN", "three", ms);
      await holds(env, "db-2", "MONGODB_URI", "mongodb://orders:three@db.example.com/", ms);
      await holds(env, "web-login", "AUDIENCE", "changed", ms);
      await holds(env, "kept", "A", "3", ms);
      for (const name of ["web-login", "orders-db"]) await ready(env, name, "True/PublishedUnverified", ms);
      for (const name of ["keys", "kept"]) await ready(env, name, "True/Published", ms);
    },
  },
];
