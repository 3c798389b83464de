/**
 * Which checks depend on the namespace of the AppSecret, because a name leads elsewhere from each namespace.
 *
 * A Pod's resolver tries most names below its own namespace first: NAME.<namespace>.svc.<cluster domain>. Kubernetes serves two
 * kinds of names there (DNS-Based Service Discovery, §2.3 and §2.4): that of a Service, and HOSTNAME.SERVICE of a Pod of a headless
 * one. Any longer name leads to the same host from every namespace.
 *
 * All AppSecrets with the same subject share one check. So a subject has a namespace only if it has to: 10,000 AppSecrets with 200
 * public targets cost 200 checks.
 */
import type { CheckSubject } from "./check.ts";

/** The subject, with the namespace if the answer depends on it. */
export function inNamespace(subject: CheckSubject, namespace: string): CheckSubject {
  switch (subject.kind) {
    case "JWKS":
      // Of one label only: gitlab.com has two, and no login provider is known by the host name of a Pod.
      return labelsOf(URL.parse(subject.uri)?.hostname ?? "") === 1 ? { ...subject, namespace } : subject;
    case "MongoDB": {
      const [, hosts = ""] = MONGODB_HOSTS.exec(subject.uri) ?? [];
      return hosts.split(",").some(isOfCluster) ? { ...subject, namespace } : subject;
    }
    case "Atlas":
      // Atlas names its clusters in full.
      return subject;
  }
}

/** A string that is none has no hosts. */
const MONGODB_HOSTS = /^mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?([^/?]*)/;

/** Whether Kubernetes can serve the name below a namespace's own domain: it has one label or two. */
export function mayBeBelowNamespace(host: string): boolean {
  return labelsOf(host) === 1 || labelsOf(host) === 2;
}

/** The server at a Service's full name may announce others by short ones, which only its own namespace knows. */
function isOfCluster(hostAndPort: string): boolean {
  const host = hostAndPort.replace(/:\d*$/, "");
  return mayBeBelowNamespace(host) || /\.svc(\.|$)/i.test(host);
}

/** 0 for an address, and for a name that no search list applies to. */
function labelsOf(host: string): number {
  if (host === "" || host.endsWith(".") || /^[\d.]+$|[:%[\]]/.test(host)) return 0;
  return host.split(".").length;
}
