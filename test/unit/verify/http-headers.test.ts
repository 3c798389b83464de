/** What headers and variables say: how long a reply is fresh, when to come back, and which way a proxy is. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshness } from "#verify/network/freshness";
import { proxyFromEnvironment, usesProxy } from "#verify/network/proxy";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toUTCString();

/** Seconds; "never": it is not to be remembered. */
const FRESH: [headers: Record<string, string>, seconds: number | "never"][] = [
  [{}, 0],
  [{ "cache-control": "max-age=60" }, 60],
  [{ "cache-control": "public, MAX-AGE=60, must-revalidate" }, 60],
  [{ "cache-control": 'max-age="60"' }, 60],
  [{ "cache-control": "max-age=60, max-age=5" }, 60],
  [{ "cache-control": "max-age=86400" }, 3_600],
  [{ "cache-control": "max-age=99999999999999999999" }, 0],
  [{ "cache-control": "max-age=-1" }, 0],
  [{ "cache-control": "max-age=soon" }, 0],
  [{ "cache-control": "max-age" }, 0],
  [{ "cache-control": "s-maxage=60" }, 0],
  [{ "cache-control": "no-cache, max-age=60" }, 0],
  [{ "cache-control": "no-store, max-age=60" }, "never"],
  [{ "cache-control": "max-age=60", age: "50" }, 10],
  [{ "cache-control": "max-age=60", age: "70" }, 0],
  [{ "cache-control": "max-age=60", age: "?" }, 60],
  [{ expires: at(60) }, 60],
  [{ expires: at(60), date: at(30) }, 30],
  [{ expires: at(60), date: "today" }, 60],
  [{ expires: at(-60) }, 0],
  [{ expires: "0" }, 0],
  [{ expires: at(60), "cache-control": "max-age=5" }, 5],
];
for (const [headers, seconds] of FRESH) {
  test(`fresh for ${seconds} s: ${JSON.stringify(headers)}`, () => {
    const { storable, freshMs } = freshness(headers, NOW);
    assert.is(storable ? freshMs / 1_000 : "never", seconds);
  });
}

test("whatever the headers say, nothing is fresh for more than an hour", () => {
  const words = fc.constantFrom(
    "max-age=",
    "no-cache",
    "no-store",
    ",",
    '"',
    "=",
    " ",
    "86400",
    "1e9",
    "Infinity",
    "-",
  );
  const header = fc.oneof(
    fc.string(),
    fc.array(words).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(header, header, header, (cacheControl, expires, age) => {
      const { freshMs } = freshness({ "cache-control": cacheControl, expires, age }, NOW);
      assert.ok(freshMs >= 0 && freshMs <= 3_600_000, String(freshMs));
    }),
  );
});

const ENVIRONMENTS: [env: NodeJS.ProcessEnv, settings: ReturnType<typeof proxyFromEnvironment>][] = [
  [{}, {}],
  [{ HTTPS_PROXY: "" }, {}],
  [{ HTTP_PROXY: "http://proxy:1" }, {}],
  [{ NO_PROXY: "*" }, {}],
  [{ HTTPS_PROXY: "http://proxy:3128" }, { httpsProxy: "http://proxy:3128/" }],
  [{ HTTPS_PROXY: "proxy:3128" }, { httpsProxy: "http://proxy:3128/" }],
  [{ HTTPS_PROXY: "http://a", https_proxy: "https://b" }, { httpsProxy: "https://b/" }],
  [
    { https_proxy: "http://u:p@a", no_proxy: "x", NO_PROXY: "y" },
    { httpsProxy: "http://u:p@a/", noProxy: "x" },
  ],
];
for (const [env, settings] of ENVIRONMENTS) {
  test(`the environment ${JSON.stringify(env)}`, () => assert.equal(proxyFromEnvironment(env), settings));
}

const NO_PROXIES = ["socks5://u:hunter2@a", "http://", "ftp://a:21", "http://u:hunter2@a:99999", "://"];
for (const proxy of [...NO_PROXIES, "http://u:hunter2%@a", "http://u:hunter2%ff@a", "http://%zz:hunter2@a"]) {
  test(`no proxy: ${proxy}`, () => {
    try {
      proxyFromEnvironment({ HTTPS_PROXY: proxy });
    } catch (error) {
      assert.match((error as Error).message, /^HTTPS_PROXY must be an http or https URL/);
      assert.not.match((error as Error).message, "hunter2");
      return;
    }
    throw new Error("it was taken");
  });
}

const NO_PROXY: [noProxy: string, url: string, uses: boolean][] = [
  ["", "https://id.example.com/", true],
  ["*", "https://id.example.com/", false],
  ["id.example.com", "https://id.example.com/", false],
  ["id.example.com", "https://id.example.com./", false],
  ["ID.Example.com.", "https://id.example.com/", false],
  ["example.com", "https://id.example.com/", false],
  ["example.com", "https://example.com/", false],
  ["example.com", "https://notexample.com/", true],
  [".example.com", "https://id.example.com/", false],
  [".example.com", "https://example.com/", true],
  ["*.example.com", "https://id.example.com/", false],
  ["*.example.com", "https://example.com/", true],
  ["a,b id.example.com ,c", "https://id.example.com/", false],
  ["id.example.com:443", "https://id.example.com/", false],
  ["id.example.com:8443", "https://id.example.com/", true],
  ["id.example.com:8443", "https://id.example.com:8443/", false],
  ["10.0.0.1", "https://10.0.0.1/", false],
  ["0.0.1", "https://10.0.0.1/", true],
  ["10.0.0.0/8", "https://10.1.2.3/", false],
  ["10.0.0.0/8", "https://11.1.2.3/", true],
  ["10.0.0.0/8", "https://id.example.com/", true],
  ["fd00::/8", "https://[fd00::1]/", false],
  ["::1", "https://[::1]/", false],
  ["[::1]:443", "https://[::1]/", false],
  [",, ,", "https://id.example.com/", true],
];
for (const [noProxy, url, uses] of NO_PROXY) {
  test(`NO_PROXY "${noProxy}" and ${url}: ${uses ? "through the proxy" : "around it"}`, () => {
    assert.is(usesProxy({ httpsProxy: "http://proxy/", noProxy }, new URL(url)), uses);
  });
}
test("without HTTPS_PROXY nothing goes through a proxy", () => {
  assert.not(usesProxy({}, new URL("https://id.example.com/")));
});

test.run();
