"""Verifies tokens with PyJWT as an application does: PyJWKClient fetches the key set, jwt.decode verifies.

In: a JSON list of {"url", "tokens": [{"token", "alg"}]}. Out: a JSON list of {"answer", "why"} in the same order.
"""

import json
import sys
import warnings

import jwt

warnings.simplefilter("ignore")


def outcome(case):
    try:
        client = jwt.PyJWKClient(case["url"], timeout=5)
        for token in case["tokens"]:
            key = client.get_signing_key_from_jwt(token["token"])
            jwt.decode(token["token"], key, algorithms=[token["alg"]])
    except Exception as error:
        return {"answer": "Refuses", "why": type(error).__name__ + ": " + str(error)[:160]}
    return {"answer": "Verifies"}


json.dump([outcome(case) for case in json.load(sys.stdin)], sys.stdout)
