"""The address of a place for contents, such as ``s3://bucket/prefix``.

It is written down and shown, so it may not hold a key: those come from the environment, or from
the workspace's keyvault.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from tandemlab.domain import InvalidInput

_OPTIONS = {"s3": {"endpoint", "region", "profile"}, "file": set[str]()}
_EXAMPLE = "For example s3://bucket/prefix, or the path of a folder."


@dataclass(frozen=True, slots=True)
class Address:
    """Where contents are kept.

    Attributes:
        scheme: ``s3`` or ``file``.
        root: what the file system calls it: ``bucket/prefix``, or an absolute path.
        options: for S3 ``endpoint`` (a URL), ``region`` and ``profile`` (of the AWS settings).
    """

    scheme: str
    root: str
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, text: object) -> Address:
        """Read an address.

        Raises:
            InvalidInput: it is none, of an unknown kind, or holds a key.

        >>> Address.of("s3://bucket/lab/?endpoint=http://localhost:9000")
        Address(scheme='s3', root='bucket/lab', options=(('endpoint', 'http://localhost:9000'),))
        """
        if isinstance(text, os.PathLike):
            text = os.fspath(text)
        if not isinstance(text, str) or not text:
            raise InvalidInput("The address for artifacts is text.", hint=_EXAMPLE)
        if "://" not in text:
            return cls("file", str(Path(os.path.abspath(Path(text).expanduser()))))
        parts = urlsplit(text)
        options = parse_qsl(parts.query, keep_blank_values=True)
        if "@" in parts.netloc or any("key" in name or "secret" in name for name, _ in options):
            raise InvalidInput(
                "The address for artifacts holds a key, which everybody could read in "
                "workspace.json.",
                hint="Leave it out, and put it into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "~/.aws, or the workspace's keyvault.",
            )
        if parts.scheme not in _OPTIONS:
            raise InvalidInput(f"Artifacts cannot be kept at {parts.scheme}://.", hint=_EXAMPLE)
        for name, _ in options:
            if name not in _OPTIONS[parts.scheme]:
                allowed = ", ".join(sorted(_OPTIONS[parts.scheme])) or "none"
                raise InvalidInput(
                    f"The address for artifacts has an unknown option {name!r}.",
                    hint=f"Options of {parts.scheme}:// are: {allowed}.",
                )
        root = (parts.netloc + parts.path).rstrip("/")
        is_complete = bool(parts.netloc) if parts.scheme == "s3" else root.startswith("/")
        has_pattern = parts.scheme == "s3" and bool(set("*[]") & set(root))  # s3fs would expand it
        is_plain = not (parts.fragment or has_pattern or "//" in root or "/../" in f"{root}/")
        if not is_complete or not is_plain:
            raise InvalidInput(f"{text!r} is no address for artifacts.", hint=_EXAMPLE)
        return cls(parts.scheme, root, tuple(sorted(options)))

    def __str__(self) -> str:
        query = f"?{urlencode(self.options, safe=':/')}" if self.options else ""
        return f"{self.scheme}://{self.root}{query}"


def check_address(text: object) -> str:
    """An address for artifacts as it is written down; raises as `Address.of` does.

    >>> check_address("s3://bucket/lab/")
    's3://bucket/lab'
    """
    return str(Address.of(text))
