"""Constructs a MongoClient of PyMongo for each connection string, without connecting.

In: a JSON list of connection strings. Out: a JSON list of {"answer", "why", "reads"} in the same order.
"Warns": the client is constructed, and an option is left out because its name or value means nothing to PyMongo.
"""

import json
import ssl
import sys
import warnings

from pymongo import MongoClient

# The system's certificates are read for each client with TLS: 20 ms each time, and nothing here connects.
ssl.SSLContext.load_default_certs = lambda self, purpose=None: None
ssl.SSLContext.set_default_verify_paths = lambda self: None


def reading(client):
    """Whom the client would connect to, and as whom."""
    info = client._resolve_srv_info
    credentials = client.options.pool_options._credentials
    seeds = sorted({host.lower() if port is None else "%s:%d" % (host.lower(), port) for host, port in info["seeds"]})
    return {
        "hosts": [info["fqdn"].lower()] if info["is_srv"] else seeds,
        "login": None if credentials is None else [credentials.username or "", credentials.password or ""],
        "authSource": None if credentials is None else credentials.source,
        "tls": client.options._options.get("tls", True)
        if info["is_srv"]
        else client.options.pool_options._ssl_context is not None,
        "database": None if info["dbase"] == "test" else info["dbase"],
        "replicaSet": client.options.replica_set_name,
    }


def outcome(uri):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with MongoClient(uri, connect=False) as client:
                reads = reading(client)
        except Exception as error:
            return {"answer": "Refuses", "why": type(error).__name__ + ": " + str(error)}
    for warning in caught:
        said = warning.category.__name__ + ": " + str(warning.message)
        # Of packages, of deprecations and of supported servers, not of the string.
        if not any(harmless in said for harmless in ("DeprecationWarning", "compression with", "You appear to be")):
            return {"answer": "Warns", "why": said, "reads": reads}
    return {"answer": "Takes", "reads": reads}


json.dump([outcome(uri) for uri in json.load(sys.stdin)], sys.stdout)
