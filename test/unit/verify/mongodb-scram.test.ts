/** The client's side of SCRAM, against the conversations that the specifications print, and servers that deviate from them. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { beginScram } from "#verify/mongodb/scram";
import type { ScramMechanism } from "#verify/mongodb/scram";

type Conversation = { nonce: string; serverFirst: string; final: string; serverFinal: string };

const CONVERSATIONS: Record<ScramMechanism, Conversation> = {
  // MongoDB's "Authentication" specification, with its hashed password.
  "SCRAM-SHA-1": {
    nonce: "fyko+d2lbbFgONRv9qkxdawL",
    serverFirst: "r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,s=rQ9ZY3MntBeuP3E1TDVC4w==,i=10000",
    final: "c=biws,r=fyko+d2lbbFgONRv9qkxdawLHo+Vgk7qvUOKUwuWLIWg4l/9SraGMHEE,p=MC2T8BvbmWRckDw8oWl5IVghwCY=",
    serverFinal: "v=UMWeI25JD1yNYZRMpZ4VHvhZ9e0=",
  },
  // RFC 7677 §3
  "SCRAM-SHA-256": {
    nonce: "rOprNGfwEbeRWgbNEkqO",
    serverFirst: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    final: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    serverFinal: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  },
};

for (const [mechanism, { nonce, serverFirst, final, serverFinal }] of Object.entries(CONVERSATIONS)) {
  const begin = () => beginScram(mechanism as ScramMechanism, "user", "pencil", nonce);

  test(`${mechanism}: the conversation of the specification`, async () => {
    const login = begin();
    assert.is(login?.first, `n,,n=user,r=${nonce}`);
    const answer = await login?.answer(serverFirst);
    if (answer?.kind !== "Proof") throw new Error(answer?.kind);
    assert.is(answer.final, final);
    assert.ok(answer.proves(serverFinal));
  });

  test(`${mechanism}: any other signature proves nothing`, async () => {
    const answer = await begin()?.answer(serverFirst);
    if (answer?.kind !== "Proof") throw new Error(answer?.kind);
    for (const other of ["", "v=", "v=AAAA", serverFinal.toLowerCase(), `${serverFinal},x=1`, "e=other-error"]) {
      assert.not.ok(answer.proves(other), other);
    }
  });

  const nonces = serverFirst.split(",")[0]!;
  const DEVIATIONS: [name: string, text: string, kind: string][] = [
    ["another nonce", serverFirst.replace("r=", "r=x"), "Malformed"],
    ["no nonce of the server's own", serverFirst.replace(nonces, `r=${nonce}`), "Malformed"],
    ["a mandatory extension", `m=x,${serverFirst}`, "Malformed"],
    ["nothing", "", "Malformed"],
    ["no salt", `${nonces},s=,i=10000`, "Malformed"],
    ["iterations that are no number", `${nonces},s=AAAA,i=1e9`, "Malformed"],
    ["negative iterations", `${nonces},s=AAAA,i=-1`, "Malformed"],
    ["4,095 iterations", `${nonces},s=AAAA,i=4095`, "IterationsOutOfBounds"],
    ["a million iterations", `${nonces},s=AAAA,i=1000000`, "IterationsOutOfBounds"],
    ["more iterations than a number holds", `${nonces},s=AAAA,i=9999999999999999`, "IterationsOutOfBounds"],
  ];
  for (const [name, text, kind] of DEVIATIONS) {
    test(`${mechanism}: refused: ${name}`, async () => {
      assert.is((await begin()?.answer(text))?.kind, kind);
    });
  }
}

test("commas and equal signs in a user name are escaped, all of them", () => {
  assert.is(beginScram("SCRAM-SHA-256", "a=b=,c,", "x", "nonce")?.first, "n,,n=a=3Db=3D=2Cc=2C,r=nonce");
});

test("each login has a nonce of its own", () => {
  assert.is.not(beginScram("SCRAM-SHA-1", "u", "p")?.first, beginScram("SCRAM-SHA-1", "u", "p")?.first);
});

test("SASLprep: SHA-256 forbids some passwords, SHA-1 none", () => {
  const forbidden = "canary-\u06dd\u0221";
  assert.is(beginScram("SCRAM-SHA-256", "u", forbidden), undefined);
  assert.ok(beginScram("SCRAM-SHA-1", "u", forbidden));
});

test("SASLprep: two spellings of one password log in alike (RFC 4013 §3)", async () => {
  const { nonce, serverFirst } = CONVERSATIONS["SCRAM-SHA-256"];
  const finals = new Set<string | undefined>();
  for (const password of ["IX", "\u2168", "I\u00adX"]) {
    const answer = await beginScram("SCRAM-SHA-256", "u", password, nonce)?.answer(serverFirst);
    finals.add(answer?.kind === "Proof" ? answer.final : undefined);
  }
  assert.equal([finals.size, finals.has(undefined)], [1, false]);
});

test.run();
