/**
 * Gives Node's thread pool 256 threads, unless UV_THREADPOOL_SIZE is set. Set here, so that nobody has to know it. Must run
 * before anything uses the pool (startup.ts).
 *
 * Host names are looked up on threads of that pool (getaddrinfo, because only it knows /etc/hosts and a Pod's search
 * domains), on at most half of them, and a name whose DNS server is silent holds its thread for ten seconds and longer.
 *
 * Measured, a good name behind a hundred that hang: over a minute with Node's 4 threads and with 16, ten seconds with 128, a
 * tenth of a second with 256. 256 threads take 2.5 MiB.
 */
export function enlargeThreadPool(): void {
  process.env["UV_THREADPOOL_SIZE"] ||= "256";
}
