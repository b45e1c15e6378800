"""The records of jobs that several machines know, and the queue that tells workers of them.

Both lie in one Redis: a hash for each job, sets of those that wait and run, and Dramatiq's queue,
whose messages are the jobs' ids and nothing else. A worker that dies leaves its message behind
unanswered, and Dramatiq gives it to another.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Retries
from redis.backoff import NoBackoff
from redis.retry import Retry

from mattelier.service.queue import ENDED
from mattelier.service.refusal import Away
from mattelier.types.errors import UsageError

QUEUE = "jobs"
ACTOR = "do"
WORKER_SECONDS = 30.0  # after which a worker that was not heard of counts as gone
_UNDONE_SECONDS = 86_400.0  # that a job may be without an end
_DEAD_MS = 15_000  # after which Dramatiq gives a worker's work to another
_UPKEEP_CHANCE = 200_000  # of a million commands, each worker asking twice a second and less
_PREFIX = "mattelier-service"
_ID = re.compile(r"[A-Za-z0-9_-]{32}")

# Change a job only while its record is there and has no end: a job that was dropped stays dropped,
# and of two workers that did the same the first one's result stands. Gives how many began it, plus
# one; 0 where nothing was changed.
_CHANGE = """
local state = redis.call('hget', KEYS[1], 'state')
if not state or state == 'done' or state == 'failed' or state == 'cancelled' then return 0 end
redis.call('hset', KEYS[1], unpack(ARGV, 2))
return redis.call('hincrby', KEYS[1], 'begun', ARGV[1]) + 1
"""


class Ledger:
    """What is known of jobs.

    Parameters
    ----------
    url : "redis://host:6379/0", also rediss:// and with user and password

    Raises
    ------
    UsageError
        The address makes no sense.

    All methods raise `Away` where Redis does not answer.
    """

    def __init__(self, url: str, keep_seconds: float) -> None:
        if not url.startswith(("redis://", "rediss://")):
            raise UsageError(f"--broker is an address such as redis://localhost:6379, not {url}.")
        patience: dict[str, Any] = {
            "socket_timeout": 5,
            "socket_connect_timeout": 2,
            "retry": Retry(NoBackoff(), 1),
        }
        try:
            self._redis = redis.Redis.from_url(url, decode_responses=True, **patience)
            client = redis.Redis.from_url(url, **patience)
        except ValueError as error:
            raise UsageError(f"--broker cannot be {url}: {error}.") from None
        self.keep_seconds = keep_seconds
        self._change = self._redis.register_script(_CHANGE)
        self.broker = RedisBroker(
            client=client, namespace=f"{_PREFIX}-queue", heartbeat_timeout=_DEAD_MS,
            maintenance_chance=_UPKEEP_CHANCE,
            middleware=[Retries(max_retries=None, min_backoff=1000, max_backoff=15_000)],
        )  # fmt: skip
        self.broker.declare_queue(QUEUE)

    def announce(self, identifier: str) -> None:
        """Book that a job may have files in the store, so that they expire in any case."""
        with _answering():
            self._redis.zadd(_key("ends"), {identifier: time.time() + _UNDONE_SECONDS})

    def enter(self, identifier: str, record: Mapping[str, Any], size: int) -> None:
        """Make a job known and let it wait for a worker.

        Parameters
        ----------
        record : plain values
        size : bytes of its files
        """
        with _answering():
            values = {name: json.dumps(value) for name, value in record.items()}
            with self._redis.pipeline() as both:
                both.hset(_job(identifier), mapping={**values, "state": "waiting", "begun": "0"})
                both.hset(_key("sizes"), identifier, str(size))
                both.sadd(_key("waiting"), identifier)
                both.execute()
            message = dramatiq.Message(
                queue_name=QUEUE, actor_name=ACTOR, args=(identifier,), kwargs={}, options={}
            )
            self.broker.enqueue(message)

    def read(self, identifier: str) -> dict[str, Any] | None:
        """A job's record; None where there is none."""
        if not _ID.fullmatch(identifier):
            return None
        with _answering():
            found: Any = self._redis.hgetall(_job(identifier))
        if "owner" not in found:
            return None
        return {name: text if name == "state" else json.loads(text) for name, text in found.items()}

    def begin(self, identifier: str) -> int:
        """A worker begins a job: the how manieth one does, 0 where nobody wants it any more."""
        begun = self._write(identifier, 1, state="running", progress=0.0, stage="starting")
        if begun:
            with _answering():
                self._redis.smove(_key("waiting"), _key("running"), identifier)
        return max(0, begun - 1)

    def wait_again(self, identifier: str) -> None:
        """A worker gives a job back that it could not do for want of another machine."""
        if self._write(identifier, -1, state="waiting", progress=0.0, stage=""):
            with _answering():
                self._redis.smove(_key("running"), _key("waiting"), identifier)

    def change(self, identifier: str, **values: Any) -> bool:
        """Write into a job's record; False where nobody wants the job, or it has an end."""
        written = bool(self._write(identifier, 0, **values))
        if written and values.get("state") in ENDED:
            self.touch(identifier)
            with _answering():
                self._redis.srem(_key("waiting"), identifier)
                self._redis.srem(_key("running"), identifier)
        return written

    def _write(self, identifier: str, begun: int, **values: Any) -> int:
        flat = [part for name, value in values.items() for part in (name, _text(name, value))]
        with _answering():
            found: Any = self._change(keys=[_job(identifier)], args=[begun, *flat])
        return int(found)

    def grow(self, identifier: str, size: int) -> None:
        """Book more bytes of a job's files."""
        with _answering():
            self._redis.hincrby(_key("sizes"), identifier, size)

    def touch(self, identifier: str) -> None:
        """Keep an ended job for another while."""
        with _answering():
            self._redis.zadd(_key("ends"), {identifier: time.time() + self.keep_seconds})

    def drop(self, identifier: str) -> None:
        """Forget a job at once; its files are due, see `due` and `forget`."""
        with _answering(), self._redis.pipeline() as both:
            both.delete(_job(identifier))
            both.zadd(_key("ends"), {identifier: 0})
            both.srem(_key("waiting"), identifier)
            both.srem(_key("running"), identifier)
            both.execute()

    def due(self) -> list[str]:
        """Jobs whose time is over."""
        with _answering():
            found: Any = self._redis.zrangebyscore(_key("ends"), 0, time.time(), 0, 100)
        return list(found)

    def forget(self, identifier: str) -> None:
        """A job's files are deleted: nothing of it is left."""
        self.drop(identifier)
        with _answering(), self._redis.pipeline() as both:
            both.hdel(_key("sizes"), identifier)
            both.zrem(_key("ends"), identifier)
            both.execute()

    def kept_bytes(self) -> int:
        """The size of all jobs' files."""
        with _answering():
            sizes: Any = self._redis.hvals(_key("sizes"))
        return sum(map(int, sizes))

    def load(self) -> dict[str, int]:
        """How many jobs wait and are in work, and how many workers there are."""
        with _answering(), self._redis.pipeline() as all_of_it:
            all_of_it.scard(_key("waiting"))
            all_of_it.scard(_key("running"))
            all_of_it.zcount(_key("workers"), time.time() - WORKER_SECONDS, "inf")
            waiting, running, workers = all_of_it.execute()
        return {"waiting": waiting, "running": running, "workers": workers}

    def greet(self, worker: str) -> None:
        """A worker is there."""
        with _answering(), self._redis.pipeline() as both:
            both.zadd(_key("workers"), {worker: time.time()})
            both.zremrangebyscore(_key("workers"), 0, time.time() - 2 * WORKER_SECONDS)
            both.execute()

    def leave(self, worker: str) -> None:
        """A worker ends."""
        with _answering():
            self._redis.zrem(_key("workers"), worker)


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except (redis.RedisError, BrokerConnectionError) as error:
        raise Away("The queue of jobs") from error


def _text(name: str, value: Any) -> str:
    return str(value) if name == "state" else json.dumps(value)


def _key(name: str) -> str:
    return f"{_PREFIX}:{name}"


def _job(identifier: str) -> str:
    return _key(f"job:{identifier}")
