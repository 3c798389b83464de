import { randomBytes } from "node:crypto";
import { OPERATOR_NAME } from "#api/names";
import type { KubeClient } from "./client/client.ts";

/**
 * Events of events.k8s.io/v1, which people read with `kubectl describe`. They are news and no state: nothing waits for
 * them, nothing depends on them, and under pressure they are what is dropped first.
 *
 * So there is one in flight at a time, a bounded queue, and a rate for Normal ones (ten thousand AppSecrets published
 * after an upgrade are no ten thousand events). The same event again within some minutes is not repeated.
 */
export type EventRecorder = {
  /** Never throws, never waits. */
  record(event: EventInput): void;
  /** Sends what is queued, for `timeoutMs` at most; nothing is taken any more. */
  close(timeoutMs: number): Promise<void>;
  readonly counts: { readonly sent: number; readonly failed: number; readonly dropped: number };
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
  /** CamelCase, as `action`: what happened, and what we did or tried. */
  reason: string;
  action: string;
  /** For people. The API server takes 1 KiB. */
  note: string;
};

export type EventRecorderOptions = {
  /** Which process speaks, for instance the Pod's name. */
  instance: string;
  queueLimit?: number;
  /** Normal events per second in the long run, and in a burst. */
  ratePerSecond?: number;
  burst?: number;
  repeatAfterMs?: number;
  now?: () => number;
};

export function createEventRecorder(client: Pick<KubeClient, "create">, options: EventRecorderOptions): EventRecorder {
  const { queueLimit = 1000, ratePerSecond = 5, burst = 50, repeatAfterMs = 5 * 60_000 } = options;
  const now = options.now ?? (() => performance.now());
  const queue: { event: EventInput; at: Date }[] = [];
  /** What was said, and when. In order of insertion, so the oldest are in front. */
  const said = new Map<string, number>();
  const counts = { sent: 0, failed: 0, dropped: 0 };
  const stop = new AbortController();
  let tokens = burst;
  let refilledAt = now();
  let sending: Promise<void> | undefined;
  let closed = false;

  function isRepeated(event: EventInput): boolean {
    for (const [key, at] of said) {
      if (at > now() - repeatAfterMs && said.size <= queueLimit * 4) break;
      said.delete(key);
    }
    const key = JSON.stringify([event.regarding.uid, event.type, event.reason, event.action, event.note]);
    if (said.has(key)) return true;
    said.set(key, now());
    return false;
  }

  function mayPass(): boolean {
    tokens = Math.min(burst, tokens + ((now() - refilledAt) / 1000) * ratePerSecond);
    refilledAt = now();
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  async function send(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && !stop.signal.aborted; next = queue.shift()) {
      const { namespace } = next.event.regarding;
      const path = `/apis/events.k8s.io/v1/namespaces/${namespace || "default"}/events`;
      try {
        const body = toEvent(next.event, next.at, options.instance);
        await client.create(path, body, { metadataOnly: true, timeoutMs: 5000, signal: stop.signal });
        counts.sent += 1;
      } catch {
        // A namespace that is being deleted takes no events; whatever else it was, there will be other ones.
        counts.failed += 1;
      }
    }
    sending = undefined;
  }

  return {
    record(event) {
      if (closed || isRepeated(event)) return;
      if (queue.length >= queueLimit || (event.type === "Normal" && !mayPass())) {
        counts.dropped += 1;
        return;
      }
      queue.push({ event, at: new Date() });
      sending ??= send();
    },
    async close(timeoutMs) {
      closed = true;
      const timer = setTimeout(() => stop.abort(), timeoutMs);
      await sending;
      clearTimeout(timer);
    },
    counts,
  };
}

/** The limits are those of the API's validation: 1024 bytes of note, 128 of the other words. */
function toEvent({ regarding, type, reason, action, note }: EventInput, at: Date, instance: string): object {
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: {
      name: `${regarding.name.slice(0, 230).replace(/[^a-z0-9]+$/, "")}.${randomBytes(8).toString("hex")}`,
      namespace: regarding.namespace || "default",
    },
    eventTime: at.toISOString().replace("Z", "000Z"),
    reportingController: OPERATOR_NAME,
    reportingInstance: cut(instance, 128),
    regarding,
    type,
    reason: cut(reason, 128),
    action: cut(action, 128),
    note: cut(note, 1024),
  };
}

/** At most so many bytes of UTF-8, without half a character at the end. */
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
