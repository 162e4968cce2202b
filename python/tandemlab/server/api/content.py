"""Contents: up and down by digest, the files of runs, their output and their source."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from tandemlab.domain import InvalidInput, NotFound
from tandemlab.domain.names import check_file_name
from tandemlab.server.access import CONTRIBUTOR, READER, Found
from tandemlab.server.api.models import Digests, LogText, SnapshotEntry
from tandemlab.store.blobs import is_digest
from tandemlab.store.durable import storage_errors
from tandemlab.store.snapshots import read_manifest
from tandemlab.tracking import Workspace

router = APIRouter(prefix="/workspaces/{workspace}", tags=["files"])
_SLICE = 64 << 20
_BUFFER = 1 << 20

# A browser that gets a content of ours must neither guess its kind nor run anything in it.
_INLINE = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".csv": "text/plain; charset=utf-8",
    ".json": "text/plain; charset=utf-8",
    ".py": "text/plain; charset=utf-8",
    ".r": "text/plain; charset=utf-8",
}
_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
# A page that a script wrote is shown in a frame of ours: with its own styles and pictures, but no
# scripts, no forms, no origin, and nothing from elsewhere.
_FRAME = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-ancestors 'self'"
)


def _headers(name: str, *, inline: bool) -> tuple[str, dict[str, str]]:
    """Content type, and the headers that keep a browser from being tricked."""
    dot = name.rfind(".")
    kind = _INLINE.get(name[dot:].lower() if dot >= 0 else "")
    show = inline and kind is not None
    last = name.rpartition("/")[2]
    disposition = f"{'inline' if show else 'attachment'}; filename*=UTF-8''{quote(last, safe='')}"
    headers = {"Content-Disposition": disposition, "Content-Security-Policy": _SANDBOX}
    return (str(kind) if show else "application/octet-stream"), headers


@router.post("/blobs/missing", dependencies=[READER])
def find_missing(found: Found, body: Digests) -> list[str]:
    """Those contents that the workspace does not have.

    The others stay for the time that it takes to make a run that needs them.
    """
    return [digest for digest in dict.fromkeys(body.digests) if not _has(found, digest)]


def _has(workspace: Workspace, digest: str) -> bool:
    _check_digest(digest)
    return workspace.folder.blobs.renew(digest)


def _check_digest(digest: str) -> None:
    if not is_digest(digest):
        raise InvalidInput(f"{digest[:64]!r} is not a SHA-256 in lower-case hexadecimal.")


@asynccontextmanager
async def received(request: Request, found: Workspace) -> AsyncIterator[tuple[Path, str]]:
    """The content of a request as a file that is removed afterwards, and its digest."""
    temporary = found.folder.temporary / f"upload-{token_hex(8)}"
    state = hashlib.sha256()
    try:
        with storage_errors(temporary):
            writer = await run_in_threadpool(temporary.open, "wb")
            with writer:
                waiting = bytearray()
                async for chunk in request.stream():
                    waiting += chunk
                    if len(waiting) >= _BUFFER:
                        state.update(waiting)
                        await run_in_threadpool(writer.write, bytes(waiting))
                        waiting.clear()
                state.update(waiting)
                await run_in_threadpool(writer.write, bytes(waiting))
        yield temporary, state.hexdigest()
    finally:
        with suppress(OSError):
            temporary.unlink()


@router.put("/blobs/{digest}", status_code=204, dependencies=[CONTRIBUTOR])
async def put_content(request: Request, found: Found, digest: str) -> None:
    """Keep a content; it must be the one that its digest says."""
    _check_digest(digest)
    async with received(request, found) as (temporary, arrived):
        if arrived != digest:
            raise InvalidInput(
                f"What arrived is not the content {digest[:12]}….", hint="Send it again."
            )
        await run_in_threadpool(found.place.blobs.adopt, temporary)


@router.get("/blobs/{digest}", dependencies=[READER], response_class=FileResponse)
def get_content(found: Found, digest: str) -> FileResponse:
    """A content."""
    _check_digest(digest)
    return content_answer(found, digest, digest)


@router.get("/runs/{run}/page/{name:path}", dependencies=[READER], response_class=Response)
def get_page(found: Found, run: str, name: str) -> Response:
    """An HTML file of a run, to be shown in a frame: inert, whatever it says."""
    check_file_name(name)
    if not name.lower().endswith((".html", ".htm")):
        raise InvalidInput(f"{name[:200]!r} is not the name of an HTML file.")
    data = found.place.read_file(found.get_record(run).id, name, 0, _SLICE)
    if data is None:
        raise _no_file(run, name)
    headers = {"Content-Security-Policy": _FRAME, "X-Frame-Options": "SAMEORIGIN"}
    return Response(data, media_type="text/html", headers=headers)


def _no_file(run: str, name: str) -> NotFound:
    return NotFound(
        f"Run {run} has no file {name[:200]!r}.", details={"what": "file", "name": name[:200]}
    )


def content_answer(found: Workspace, digest: str, name: str) -> FileResponse:
    """A content, to be downloaded under a name."""
    kind, headers = _headers(name, inline=False)
    return FileResponse(found.place.blobs.find(digest), media_type=kind, headers=headers)


@router.get("/runs/{run}/content/{name:path}", dependencies=[READER], response_class=Response)
def get_file(
    found: Found,
    run: str,
    name: str,
    offset: int = 0,
    limit: Annotated[int | None, Query(ge=0, le=_SLICE)] = None,
    inline: bool = False,
) -> Response:
    """A file of a run, or a part of one, also while it grows.

    A negative offset counts from the end. Downloads by default; with `inline`, images and plain
    text are shown, and nothing else.
    """
    check_file_name(name)
    record = found.get_record(run)
    kind, headers = _headers(name, inline=inline)
    if not offset and limit is None:
        digests = {file.name: file.digest for file in found.store.list_files(record.id)}
        if name in digests:
            path = found.place.blobs.find(digests[name])
            return FileResponse(path, media_type=kind, headers=headers)
    data = found.place.read_file(record.id, name, offset, _SLICE if limit is None else limit)
    if data is None:
        raise _no_file(record.id, name)
    return Response(data, media_type=kind, headers=headers)


@router.get("/runs/{run}/log", dependencies=[READER])
def get_log(
    found: Found,
    run: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=_SLICE)] = 1 << 20,
) -> LogText:
    """What a submitted script has printed since an offset, as whole characters."""
    text, end = found.get_run(run).read_log(offset, limit)
    return LogText(text=text, offset=end)


@router.get("/runs/{run}/snapshot", dependencies=[READER])
def list_snapshot(found: Found, run: str) -> list[SnapshotEntry]:
    """The files of the source that a run was made from; their contents are under blobs."""
    record = found.get_record(run)
    if record.snapshot is None:
        raise NotFound(f"No source was kept with run {record.id}.", details={"what": "snapshot"})
    files = read_manifest(record.snapshot, found.place.blobs)
    return [
        SnapshotEntry(path=f.path, digest=f.digest, size=f.size, executable=f.executable)
        for f in files
    ]
