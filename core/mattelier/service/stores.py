"""Where the files of jobs lie that other machines do: S3-compatible storage, or a shared folder."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from mattelier.service.refusal import FULL_DISK, Away
from mattelier.types.errors import EngineError, UsageError

_DELETED_AT_ONCE = 1000  # as many as S3 takes in one call


class Store(Protocol):
    """Files by a job's id and a name of their own.

    All methods raise `Away` where the store does not answer.
    """

    def check(self) -> None:
        """Try whether it can be used.

        Raises
        ------
        EngineError
            It never will be, as it is named.
        """

    def put(self, identifier: str, path: Path) -> None:
        """Keep a copy of a file, under its name."""

    def get(self, identifier: str, path: Path) -> None:
        """Bring the file of that name."""

    def delete(self, identifier: str) -> None:
        """Delete all files of a job."""


def open_store(place: str) -> Store:
    """The store that a text names: s3://bucket/prefix, or a folder.

    Raises
    ------
    UsageError
    """
    if not place.startswith("s3://"):
        if "://" in place or not place:
            raise UsageError(f"--store is s3://bucket/prefix or a folder, not {place or 'empty'}.")
        return FolderStore(Path(place))
    parts = urlsplit(place)
    if not parts.netloc:
        raise UsageError(f"--store {place} names no bucket: s3://bucket/prefix.")
    return S3Store(parts.netloc, parts.path.strip("/"))


class FolderStore:
    """A folder that all machines see at their own path of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def check(self) -> None:
        if not self._root.is_dir():
            raise EngineError(f"--store {self._root} is no folder.")

    def put(self, identifier: str, path: Path) -> None:
        with _folder_answering():
            folder = self._root / identifier
            folder.mkdir(mode=0o700, exist_ok=True)
            started = folder / f".{path.name}"
            shutil.copyfile(path, started)
            started.replace(folder / path.name)

    def get(self, identifier: str, path: Path) -> None:
        with _folder_answering():
            shutil.copyfile(self._root / identifier / path.name, path)

    def delete(self, identifier: str) -> None:
        with _folder_answering():
            list(self._root.iterdir())  # one that is not mounted says so
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._root / identifier)


class S3Store:
    """A bucket; address, region and keys as boto3 finds them (AWS_ENDPOINT_URL, …)."""

    def __init__(self, bucket: str, prefix: str) -> None:
        import boto3
        from botocore.config import Config

        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        config = Config(
            connect_timeout=3, read_timeout=20, retries={"max_attempts": 2, "mode": "standard"}
        )
        try:
            self._client: Any = boto3.client("s3", config=config)
        except ValueError as error:  # an address that is none
            raise UsageError(f"The S3 storage cannot be reached as it is named: {error}.") from None
        except Exception as error:
            raise EngineError(f"The S3 storage cannot be used: {error}.") from None

    def check(self) -> None:
        from botocore.exceptions import ClientError, NoCredentialsError

        try:
            self._client.head_bucket(Bucket=self._bucket)
        except NoCredentialsError:
            raise EngineError(
                "No keys for the S3 storage: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from None
        except ClientError as error:
            code = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if code in (400, 403, 404):
                why = "is not there" if code == 404 else "may not be used with these keys"
                raise EngineError(f"The bucket {self._bucket} {why}.") from None
            raise Away(_WHAT) from error
        except Exception as error:
            raise Away(_WHAT) from error

    def put(self, identifier: str, path: Path) -> None:
        with _s3_answering():
            self._client.upload_file(str(path), self._bucket, self._name(identifier, path.name))

    def get(self, identifier: str, path: Path) -> None:
        with _s3_answering():
            self._client.download_file(self._bucket, self._name(identifier, path.name), str(path))

    def delete(self, identifier: str) -> None:
        with _s3_answering():
            while found := self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=self._name(identifier, ""), MaxKeys=_DELETED_AT_ONCE
            ).get("Contents"):
                names = [{"Key": one["Key"]} for one in found]
                done = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": names, "Quiet": True}
                )
                if done.get("Errors"):
                    raise Away(_WHAT)

    def _name(self, identifier: str, name: str) -> str:
        return f"{self._prefix}{identifier}/{name}"


_WHAT = "The store of files"


@contextlib.contextmanager
def _folder_answering() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise
        raise Away(_WHAT) from error


@contextlib.contextmanager
def _s3_answering() -> Iterator[None]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise Away(_WHAT) from error
