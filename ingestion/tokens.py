"""Bearer tokens of endpoints: one that stands in the environment, or one asked for by OAuth2 client credentials (RFC 6749, 4.4).

Belongs here: where a token comes from. Does not belong here: requests for data (`fetch`). A secret or token stands in no message.
"""

import os

import httpx

from ingestion.contract import ClientCredentials, Contract, Server
from miyar.errors import MiyarError, Problem


def bearer(client: httpx.Client, contract: Contract, server: Server) -> str | None:
    """A token for the endpoint, asked for anew at each call where the contract names `oauth`; None if it needs none."""
    if server.oauth is not None:
        return _asked(client, contract, server.oauth)
    return None if server.token_variable is None else _of_environment(contract, server.token_variable, server.url)


def _of_environment(contract: Contract, variable: str, url: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise _problem(
            contract,
            url,
            "token_missing",
            f"the environment variable {variable} is empty",
            "Set it to what the provider gave for the endpoint.",
        )
    return value


def _asked(client: httpx.Client, contract: Contract, oauth: ClientCredentials) -> str:
    identity = _of_environment(contract, oauth.client_variable, oauth.token_url)
    secret = _of_environment(contract, oauth.secret_variable, oauth.token_url)
    form = {"grant_type": "client_credentials"} | ({"scope": oauth.scope} if oauth.scope else {})
    reason = "the answer holds no access_token"
    try:
        # Nothing that is redirected: the secret would go along.
        answer = client.post(oauth.token_url, data=form, auth=(identity, secret), follow_redirects=False)
        told = answer.json() if answer.is_success else {}
        token = told.get("access_token") if isinstance(told, dict) else None
        if isinstance(token, str) and token.isascii() and token.isprintable() and token:
            return token
        reason = "its access_token cannot stand in a header" if isinstance(token, str) and token else reason
        reason = reason if answer.is_success else f"the server answered HTTP {answer.status_code}"
    except ValueError:
        reason = "the answer is no JSON"
    except httpx.RequestError as error:
        reason = f"no answer ({type(error).__name__})"
    step = f"Check server.oauth in the contract, {oauth.client_variable} and {oauth.secret_variable} with the provider."
    raise _problem(contract, oauth.token_url, "token_refused", f"no token was given: {reason}", step)


def _problem(contract: Contract, url: str, rule: str, message: str, next_step: str) -> MiyarError:
    where = str(httpx.URL(url).copy_with(query=None))
    return MiyarError(Problem(rule, message, contract.provider, where, next_step=next_step))
