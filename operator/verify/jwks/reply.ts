/** What a login provider's reply over HTTP means: the status and the encoding as libraries see them, and the key set in it. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { retryAfterMs } from "#common/retry-after";
import type { HttpOutcome } from "../network/http.ts";
import { no, notYet, silence } from "../verdict.ts";
import { judgeKeySet } from "./jwk-set.ts";
import { uncertain } from "./uncertain.ts";

type Reply = Extract<HttpOutcome, { kind: "Reply" }>;

/**
 * The media type does not count: no library looks at it.
 *
 * @param epochMs when the reply came, in ms since the epoch
 */
export async function judgeReply(reply: Reply, epochMs: number): Promise<Verdict> {
  if (reply.status < 200 || reply.status > 299) return judgeStatus(reply, epochMs);
  const verdict = await judgeKeySet(reply.body);
  const doubt = verdict.answer === "Yes" ? doubtAbout(reply) : undefined;
  return doubt === undefined || verdict.answer !== "Yes" ? verdict : uncertain(doubt, verdict.facts);
}

/** At least some libraries can use what was judged. */
export function isOfUse({ answer }: Verdict): boolean {
  return answer !== "No" && answer !== "Silence";
}

/** What some libraries refuse, although there is a good key set. */
function doubtAbout({ status, coding }: Reply): string | undefined {
  if (status !== 200) {
    return `The login provider publishes its keys with HTTP status ${status}, and some libraries take only 200. Configure the server to answer with 200.`;
  }
  switch (coding) {
    case "Compressed":
      return "The login provider compresses its keys although no client wants it, and some libraries do not decompress them. Configure the server to compress only for clients that send Accept-Encoding.";
    case "Untrue":
      return "The login provider says in Content-Encoding that its keys are compressed, and they are not. Some libraries refuse them. Correct the header.";
    default:
      return undefined;
  }
}

/** These say nothing about the URL: it may be the right one. */
const PASSING_STATUS = new Set([408, 425, 429]);

async function judgeStatus({ status, headers, body }: Reply, epochMs: number): Promise<Verdict> {
  const message = `The login provider answered with HTTP status ${status} instead of its keys.`;
  if (status >= 500 || PASSING_STATUS.has(status)) {
    // Not an error: the keys are there, and no library takes them.
    if (status >= 500 && isOfUse(await judgeKeySet(body))) {
      return notYet(
        Reason.RejectedHTTPStatus,
        `The login provider publishes its keys with HTTP status ${status}, and libraries take only 200. Repair the server.`,
      );
    }
    return silence(Reason.Unreachable, `${message} The operator retries automatically.`, {
      retryAfterMs: retryAfterMs(headers["retry-after"], epochMs),
    });
  }
  return no(Reason.RejectedHTTPStatus, `${message} ${advice(status)}`);
}

function advice(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "A key set must be readable without signing in. Check jwksUri, and that the provider accepts requests from the cluster.";
    case 404:
    case 410:
      return "Check the path in jwksUri.";
    default:
      return "Check jwksUri.";
  }
}
