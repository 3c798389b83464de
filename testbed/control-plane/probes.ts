/** Small questions to servers that may not be up yet: any failure is a "no". */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";

const TIMEOUT_MS = 5_000;

/** Whether etcd, on its Unix socket, has a leader. */
export async function etcdIsHealthy(socketPath: string): Promise<boolean> {
  return answersOk((done) => httpRequest({ socketPath, path: "/health", timeout: TIMEOUT_MS }, done));
}

/** Whether the API server answers this path with 200. Its certificate is checked only when there is a CA. */
export async function apiServerAnswers(options: {
  port: number;
  path: string;
  token: string;
  certificateAuthority?: string;
}): Promise<boolean> {
  return answersOk((done) =>
    httpsRequest(
      {
        host: "127.0.0.1",
        port: options.port,
        path: options.path,
        headers: { authorization: `Bearer ${options.token}` },
        timeout: TIMEOUT_MS,
        agent: false,
        ...(options.certificateAuthority === undefined
          ? { rejectUnauthorized: false }
          : { ca: options.certificateAuthority }),
      },
      done,
    ),
  );
}

async function answersOk(send: (done: (response: IncomingMessage) => void) => ClientRequest): Promise<boolean> {
  return new Promise((resolve) => {
    const request = send((response) => {
      response.resume();
      response.once("end", () => resolve(response.statusCode === 200));
      response.once("error", () => resolve(false));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
    request.end();
  });
}
