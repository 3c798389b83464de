import { Reason } from "../api/status.ts";
import type { Check } from "./answers.ts";

/** The check of an operator that is to make no connection: it knows nothing of anybody. */
export const offlineCheck: Check = () =>
  Promise.resolve({
    answer: "Silence",
    reason: Reason.Unreachable,
    message: "The operator runs with --offline and makes no live checks.",
  });
