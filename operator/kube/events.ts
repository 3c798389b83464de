import { randomInt } from "node:crypto";
import { createExpiringMap } from "#common/expiring-map";
import { createTokenBucket } from "#common/token-bucket";
import type { KubeClient } from "./client/client.ts";
import { microTime } from "./micro-time.ts";

/**
 * Events, which people read with `kubectl describe`. They are news, not state: nothing waits for them and nothing depends on
 * them, so under pressure they are dropped first.
 *
 * They are those of the API group events.k8s.io, but they are written through `v1`. kubectl describe sorts by `lastTimestamp`,
 * and events.k8s.io/v1 refuses an Event that has one ("needs to be unset"). Within a second, kubectl keeps the order of the
 * names, so a name contains the time, as those of client-go do.
 *
 * One request is under way at a time, the queue is bounded, and Normal events have a rate (ten thousand AppSecrets that
 * are published after an upgrade are not ten thousand Events). The same Event is not repeated within some minutes.
 */
export type EventRecorder = {
  /** Never throws, never waits. */
  record(event: EventInput): void;
  /** Takes no more Events, and sends what is queued, for at most `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
};

export type EventInput = {
  regarding: {
    apiVersion: string;
    kind: string;
    namespace: string;
    name: string;
    uid: string;
    resourceVersion?: string;
  };
  type: "Normal" | "Warning";
  /** Why this was done, and what was done or tried. Both in CamelCase. */
  reason: string;
  action: string;
  /** For people. The API server accepts 1 KiB. */
  note: string;
};

export type EventRecorderOptions = {
  /** Which program reports, such as `appsecret-operator`. */
  reportingController: string;
  /** Which process of it, for instance the Pod's name. */
  instance: string;
  queueLimit?: number;
  /** Normal events per second in the long run, and in a burst. */
  ratePerSecond?: number;
  burst?: number;
  repeatAfterMs?: number;
  monotonicMs?: () => number;
};

export function createEventRecorder(client: Pick<KubeClient, "create">, options: EventRecorderOptions): EventRecorder {
  const { queueLimit = 1000, ratePerSecond = 5, burst = 50, repeatAfterMs = 5 * 60_000 } = options;
  const { monotonicMs = () => performance.now() } = options;
  const queue: Named[] = [];
  const nextName = createNames();
  const recent = createExpiringMap<string, true>({ ttlMs: repeatAfterMs, maxEntries: queueLimit * 4, monotonicMs });
  const normalEvents = createTokenBucket({ perSecond: ratePerSecond, burst }, monotonicMs);
  const stop = new AbortController();
  let sending: Promise<void> | undefined;
  let closed = false;

  function isRepeated({ regarding, type, reason, action, note }: EventInput): boolean {
    const key = JSON.stringify([regarding.uid, type, reason, action, note]);
    if (recent.get(key)) return true;
    recent.set(key, true);
    return false;
  }

  async function send(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && !stop.signal.aborted; next = queue.shift()) {
      const body = toEvent(next, options);
      const path = `/api/v1/namespaces/${body.metadata.namespace}/events`;
      try {
        await client.create(path, body, { metadataOnly: true, timeoutMs: 5000, signal: stop.signal });
      } catch {
        // A namespace that is being deleted accepts no Events. Whatever else it was, more Events will come.
      }
    }
    sending = undefined;
  }

  return {
    record(event) {
      if (closed || queue.length >= queueLimit || isRepeated(event)) return;
      if (event.type === "Normal" && !normalEvents.allow()) return;
      const at = new Date();
      queue.push({ event, at, name: nextName(event.regarding.name, at) });
      sending ??= send();
    },
    async close(timeoutMs) {
      closed = true;
      const timer = setTimeout(() => stop.abort(), timeoutMs);
      await sending;
      clearTimeout(timer);
    },
  };
}

type Named = { event: EventInput; at: Date; name: string };

/**
 * Names in the order of time: that of the object, and nanoseconds since the epoch in 16 hexadecimal digits. The last six decimal
 * digits of them, which Date does not know, are random: another process may record an Event of the same object.
 */
function createNames(): (of: string, at: Date) => string {
  let last = 0n;
  return (of, at) => {
    const time = BigInt(at.getTime()) * NS_PER_MS + BigInt(randomInt(Number(NS_PER_MS)));
    last = time > last ? time : last + 1n;
    return `${of.slice(0, 230).replace(/[^a-z0-9]+$/, "")}.${last.toString(16).padStart(16, "0")}`;
  };
}

const NS_PER_MS = 1_000_000n;

/** The limits are those of the API's validation: 1024 bytes of message, 128 of the other words. */
function toEvent({ event, at, name }: Named, { reportingController, instance }: EventRecorderOptions) {
  const { regarding, type, reason, action, note } = event;
  const second = `${at.toISOString().slice(0, 19)}Z`;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace: regarding.namespace || "default" },
    eventTime: microTime(at),
    firstTimestamp: second,
    lastTimestamp: second,
    count: 1,
    reportingComponent: reportingController,
    reportingInstance: cut(instance, 128),
    source: { component: reportingController },
    involvedObject: regarding,
    type,
    reason: cut(reason, 128),
    action: cut(action, 128),
    message: cut(note, 1024),
  };
}

/** At most `bytes` bytes of UTF-8, without half a character at the end. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  return (
    encoded
      .subarray(0, bytes - 3)
      .toString("utf8")
      .replace(/\uFFFD+$/, "") + "…"
  );
}
