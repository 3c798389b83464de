/** Which Events are sent, and in whose name. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { EventInput, EventRecorderOptions } from "#kube/events";
import { createEventRecorder } from "#kube/events";

type Sent = {
  path: string;
  body: {
    metadata: { name: string };
    eventTime: string;
    lastTimestamp: string;
    message: string;
    reportingComponent: string;
    reportingInstance: string;
  };
};

function recorder(options: Partial<EventRecorderOptions> = {}) {
  const sent: Sent[] = [];
  const clock = { ms: 0 };
  const client = {
    create: <T>(path: string, body: unknown) => Promise.resolve(void sent.push({ path, body } as Sent) as T),
  };
  const events = createEventRecorder(client, {
    reportingController: "a-program",
    instance: "pod-1",
    monotonicMs: () => clock.ms,
    ...options,
  });
  return { sent, clock, events };
}

const event = (note: string, type: EventInput["type"] = "Normal"): EventInput => ({
  regarding: { apiVersion: "v1", kind: "Secret", namespace: "a", name: "x", uid: "u" },
  ...{ type, note, reason: "Published", action: "Publish" },
});

test("an Event names the program and the process that report it", async () => {
  const { events, sent } = recorder();
  events.record(event("n"));
  await events.close(1000);
  assert.is(sent[0]?.path, "/api/v1/namespaces/a/events");
  assert.is(sent[0]?.body.reportingComponent, "a-program");
  assert.is(sent[0]?.body.reportingInstance, "pod-1");
});

test("the same Event is not repeated for five minutes", async () => {
  const { events, sent, clock } = recorder();
  events.record(event("same"));
  events.record(event("same"));
  events.record(event("another"));
  clock.ms = 5 * 60_000;
  events.record(event("same"));
  await events.close(1000);
  assert.equal(
    sent.map(({ body }) => body.message),
    ["same", "another", "same"],
  );
});

test("Normal Events have a rate, Warnings do not, and the queue is bounded for both", async () => {
  const { events, sent } = recorder({ burst: 2, queueLimit: 5 });
  for (let index = 0; index < 10; index += 1) events.record(event(`normal ${index}`));
  for (let index = 0; index < 10; index += 1) events.record(event(`warning ${index}`, "Warning"));
  await events.close(1000);
  assert.is(sent.filter(({ body }) => body.message.startsWith("normal")).length, 2);
  // The first one left the queue at once.
  assert.is(sent.length, 6);
});

test("names are in the order of time, also within a millisecond, and of one length", async () => {
  const { events, sent } = recorder();
  for (let index = 0; index < 40; index += 1) events.record(event(`n-${index}`));
  await events.close(1000);
  const names = sent.map(({ body }) => body.metadata.name);
  assert.equal([...names].sort(), names);
  assert.equal(new Set(names.map(({ length }) => length)), new Set(["x.".length + 16]));
  for (const { body } of sent) {
    assert.is(body.lastTimestamp, `${body.eventTime.slice(0, 19)}Z`, "kubectl describe sorts by it");
  }
});

test("an Event that was dropped because the queue was full may come again", async () => {
  const { events, sent } = recorder({ queueLimit: 1 });
  for (const note of ["sent", "queued", "late"]) events.record(event(note, "Warning"));
  await events.close(1000);
  assert.equal(
    sent.map(({ body }) => body.message),
    ["sent", "queued"],
  );
  const again = recorder({ queueLimit: 1 });
  for (const note of ["sent", "queued", "late"]) again.events.record(event(note, "Warning"));
  await new Promise(setImmediate);
  again.events.record(event("late", "Warning"));
  await again.events.close(1000);
  assert.is(again.sent.length, 3);
});

test.run();
