"""Ids that sort by time and are unique without a server, and names that people can say."""

from __future__ import annotations

import os
import re
import threading
import time
import unicodedata

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_RANDOM_BITS = 80

_ADJECTIVES = (
    "amber bold brisk calm clever coral crisp deft eager fair fleet gentle glad golden happy "
    "humble keen kind lively lucid lucky mellow merry mild neat nimble noble patient plucky "
    "proud quick quiet rapid sage serene sharp shiny silent silver smart snug solid spry steady "
    "still sunny swift tidy vivid warm wise witty young zesty"
).split()
_ANIMALS = (
    "badger beaver bison bobcat condor coyote crane curlew dingo dolphin eagle egret falcon ferret "
    "finch fox gecko gibbon hare hawk heron hornet ibex ibis jackal jaguar kestrel kite lark lemur "
    "lynx magpie marten mole moose newt ocelot orca osprey otter owl panda panther puffin quail "
    "raven robin salmon seal shrew sparrow stork swan tapir tern tiger toucan viper walrus wolf "
    "wombat wren yak zebra"
).split()

_lock = threading.Lock()
_last = (0, 0)


def _restart() -> None:
    """A forked child must not repeat the parent's ids."""
    global _last, _lock
    _last, _lock = (0, 0), threading.Lock()


os.register_at_fork(after_in_child=_restart)


def new_ulid() -> str:
    """26 lower-case characters that sort by creation time (milliseconds), then by chance.

    Within one process later ids are always greater. Layout as in the ULID specification
    (https://github.com/ulid/spec): 48 bits of time, 80 random bits, Crockford's base 32.

    >>> len(new_ulid()), new_ulid() < new_ulid()
    (26, True)
    """
    global _last
    with _lock:
        millis = time.time_ns() // 1_000_000
        if millis <= _last[0]:
            millis, chance = _last[0], _last[1] + 1
        else:
            chance = int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big")
        _last = (millis, chance)
    number = (millis << _RANDOM_BITS) + chance
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)])


def slug(name: str) -> str:
    """ASCII form of a name that is safe in a path: lower-case letters, digits and ``-``.

    >>> slug("Unfälle in São Paulo 🚗")
    'unfalle-in-sao-paulo'
    >>> slug("事故")
    'run'
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:36].strip("-") or "run"


def new_run_id(experiment: str) -> str:
    """Id of a new run of `experiment`: ``<slug>_<ulid>``."""
    return f"{slug(experiment)}_{new_ulid()}"


def new_display_name() -> str:
    """A name that people can say, such as ``brisk_heron_12``; not unique."""
    number = int.from_bytes(os.urandom(6), "big")
    number, adjective = divmod(number, len(_ADJECTIVES))
    number, animal = divmod(number, len(_ANIMALS))
    return f"{_ADJECTIVES[adjective]}_{_ANIMALS[animal]}_{number % 90 + 10}"
