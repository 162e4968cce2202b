"""What describes a datastore of each kind, checked; and its credentials apart from it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tandemlab import ssh
from tandemlab.data.datastores.protocol import check_path
from tandemlab.domain import InvalidInput
from tandemlab.domain.secrets import check_secret

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class Description(NamedTuple):
    """A datastore that is to be registered.

    Attributes:
        settings: what everybody may see.
        credentials: what nobody may see.
    """

    settings: dict[str, Any]
    credentials: dict[str, str]


def folder(path: str | os.PathLike[str]) -> Description:
    """A folder of this machine."""
    text: object = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text or "://" in text or "\0" in text:
        raise InvalidInput(f"{text!r} is no path of a folder.")
    return Description({"path": os.path.abspath(os.path.expanduser(text))}, {})


def s3(
    bucket: object,
    prefix: object,
    *,
    endpoint: str | None,
    region: str | None,
    profile: str | None,
    access_key_id: str | None,
    secret_access_key: str | None,
    session_token: str | None,
) -> Description:
    """A bucket, or a part of it."""
    if not isinstance(bucket, str) or not _BUCKET.fullmatch(bucket):
        raise InvalidInput(
            f"{str(bucket)[:80]!r} is no name of a bucket.",
            hint="Give the bucket alone, such as 'sales', and what is below it as prefix.",
        )
    if endpoint is not None:
        _check_endpoint(endpoint)
    if (access_key_id is None) != (secret_access_key is None):
        raise InvalidInput("access_key_id and secret_access_key belong together.")
    options = {"endpoint": endpoint, "region": region, "profile": profile}
    keys = {"key": access_key_id, "secret": secret_access_key, "token": session_token}
    return Description(
        {"bucket": bucket, "prefix": check_path(prefix, "prefix"), **_given(options)},
        _secret(keys),
    )


def sftp(
    host: object,
    path: object,
    *,
    port: object,
    username: str | None,
    password: str | None,
    private_key: str | os.PathLike[str] | None,
    passphrase: str | None,
    host_key: str | None,
) -> Description:
    """A folder of a machine that is reached by SSH."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise InvalidInput(f"The path of a folder there is absolute, not {path!r}.")
    settings, credentials = ssh.described(
        host,
        port=port,
        username=username,
        password=password,
        private_key=private_key,
        passphrase=passphrase,
        host_key=host_key,
    )
    return Description({**settings, "path": f"/{check_path(path[1:])}"}, credentials)


def sql(url: str, password: str | None) -> Description:
    """A database; a password in its address becomes a credential."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        # The text itself may hold a password, and is not shown.
        raise InvalidInput(
            "This is no address of a database.",
            hint="For example postgresql://user@host/database or sqlite:////data/sales.db.",
        ) from None
    hidden = [name for name in found.query if re.search("pass|secret|token|key", name.lower())]
    if hidden:
        raise InvalidInput(
            f"The address of the database has the option {hidden[0]!r}: everybody could read it.",
            hint="Leave it out, and give the password as password.",
        )
    if found.password is not None and password is not None:
        raise InvalidInput("The address has a password, and another one is given as password.")
    secret = password if found.password is None else str(found.password)
    found = found._replace(password=None)
    if found.get_backend_name() == "sqlite":
        if secret is not None:
            raise InvalidInput("Databases in SQLite have no passwords.")
        if not found.database or found.database == ":memory:":
            raise InvalidInput("A datastore in SQLite needs a file.", hint="sqlite:////data/a.db")
        found = found.set(database=os.path.abspath(os.path.expanduser(found.database)))
    plain = found.render_as_string(hide_password=False)  # there is none in it
    return Description({"url": plain}, _secret({"password": secret}))


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _secret(credentials: Mapping[str, str | None]) -> dict[str, str]:
    return {
        name: str(check_secret(name, value))
        for name, value in credentials.items()
        if value is not None
    }


def _check_endpoint(endpoint: str) -> None:
    try:
        parts = urlsplit(endpoint)
        fits = parts.scheme in ("http", "https") and parts.hostname and not parts.query
        fits = fits and parts.port != 0
    except (ValueError, AttributeError):
        fits = False
    if fits and "@" in parts.netloc:
        raise InvalidInput(
            "The endpoint holds a key, which everybody could read.",
            hint="Give it as access_key_id and secret_access_key.",
        )
    if not fits:
        raise InvalidInput(
            f"{str(endpoint)[:200]!r} is no endpoint.", hint="For example https://minio.example.org"
        )
