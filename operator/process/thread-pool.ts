/**
 * Imported before anything that could use Node's thread pool, for what it does: names are looked up on threads of that pool
 * (getaddrinfo, which alone knows /etc/hosts and a Pod's search domains), on half of them at the most, and one whose DNS
 * server is silent holds its thread for ten seconds and longer. Set here, because nobody should have to know it.
 *
 * Measured, a good name behind a hundred that hang: with Node's 4 threads and with 16 over a minute, with 128 ten seconds, with
 * 256 a tenth of a second. 256 threads take 2.5 MiB.
 */
process.env["UV_THREADPOOL_SIZE"] ||= "256";
