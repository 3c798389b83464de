import type { Clock } from "#common/clock";

/**
 * Keys that are due later: a binary heap with one timer, however many keys wait. A key has one due time, the earliest of
 * those that were added.
 */
export type Delays = {
  /** Makes the key due in `ms`, unless it is due sooner already. */
  add(key: string, ms: number): void;
  cancel(key: string): void;
  clear(): void;
};

type Entry = { key: string; at: number };

export function createDelays(clock: Clock, due: (key: string) => void): Delays {
  const heap: Entry[] = [];
  const current = new Map<string, Entry>();
  let wake: (() => void) | undefined;
  let wakeAt = Infinity;

  /** Sets the timer to the earliest entry. Replaced and cancelled entries are dropped when they come up. */
  function arm(): void {
    while (heap[0] !== undefined && current.get(heap[0].key) !== heap[0]) pop(heap);
    const at = heap[0]?.at ?? Infinity;
    if (at === wakeAt) return;
    wake?.();
    wake = undefined;
    wakeAt = at;
    if (at !== Infinity) wake = clock.after(Math.max(0, at - clock.now()), fire);
  }

  function fire(): void {
    wake = undefined;
    wakeAt = Infinity;
    // A timer of Node may fire a fraction of a millisecond early.
    const now = clock.now() + 1;
    while (heap[0] !== undefined && heap[0].at <= now) {
      const entry = pop(heap);
      if (current.get(entry.key) !== entry) continue;
      current.delete(entry.key);
      due(entry.key);
    }
    arm();
  }

  return {
    add(key, ms) {
      const at = clock.now() + Math.max(0, ms);
      const known = current.get(key);
      if (known !== undefined && known.at <= at) return;
      const entry = { key, at };
      current.set(key, entry);
      push(heap, entry);
      arm();
    },
    cancel(key) {
      if (current.delete(key)) arm();
    },
    clear() {
      current.clear();
      heap.length = 0;
      arm();
    },
  };
}

/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is within the heap, by the loops' own bounds */
function push(heap: Entry[], entry: Entry): void {
  let child = heap.length;
  heap.push(entry);
  while (child > 0) {
    const parent = (child - 1) >> 1;
    if (heap[parent]!.at <= entry.at) break;
    heap[child] = heap[parent]!;
    child = parent;
  }
  heap[child] = entry;
}

function pop(heap: Entry[]): Entry {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  let parent = 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
    if (heap[child]!.at >= last.at) break;
    heap[parent] = heap[child]!;
    parent = child;
  }
  heap[parent] = last;
  return top;
}
