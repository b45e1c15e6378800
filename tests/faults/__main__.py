"""`python -m tests.faults --hours 8`: the attacks one after the other, again and again.

Prints one line of JSON a round and the sum at the end; the exit code is 1 where harm was found.
What makes a case again stands in its line: the attack, the seed and the number.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS)]

from faults import kept, kills, messages, networks, pictures, service  # noqa: E402
from faults.child import Findings  # noqa: E402

# Cases of one round.
_ROUND = {"pictures": 5000, "networks": 60, "messages": 1000, "kept": 60, "service": 2000}
_CHAINS, _JOBS = 10, 120


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--hours", type=float, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first round")
    parser.add_argument(
        "--only",
        default="pictures,networks,messages,jobs,kills,kept,service",
        metavar="A,B",
        help="attacks",
    )
    options = parser.parse_args()
    end = time.monotonic() + options.hours * 3600
    wanted = options.only.split(",")
    sums: dict[str, Counter[str]] = {name: Counter() for name in wanted}
    harms: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="mattelier-faults-"))
    seed = options.seed
    if "pictures" in wanted:
        harms += pictures.attack_with_bombs(folder).harms
        print(json.dumps({"attack": "headers that lie", "harms": harms}), flush=True)
    attacks = {name: attack for name, attack in _attacks(folder).items() if name in wanted}
    while time.monotonic() < end:
        for name, attack in attacks.items():
            found = attack(seed)
            sums[name] += found.verdicts
            harms += found.harms
            print(json.dumps({"attack": name, "seed": seed, **found.verdicts}), flush=True)
            for harm in found.harms:
                print(f"  {harm}", flush=True)
            if time.monotonic() > end:
                break
        seed += 1
    total = {name: {"cases": count.total(), **count} for name, count in sums.items()}
    print(json.dumps({"sum": total, "harms": len(harms), "folder": str(folder)}, indent=1))
    if not harms:
        shutil.rmtree(folder)
    return int(bool(harms))


def _attacks(folder: Path) -> dict[str, Callable[[int], Findings]]:
    shots: list[kills.Shot] = []

    def shot() -> kills.Shot:
        shots[:] = shots or [kills.Shot(folder / "shot")]
        return shots[0]

    def send(seed: int) -> Findings:
        with messages.running() as worker:
            return messages.attack(worker, seed, 0, _ROUND["messages"])

    def work(seed: int) -> Findings:
        with messages.running() as worker:
            worker.pass_a_day()
            return messages.work(worker, _JOBS)

    def serve(seed: int) -> Findings:
        hostile = service.Pictures(folder)
        with service.running() as server:
            found = service.attack(server, hostile, seed, 0, 100)  # opens all networks
            memory = server.memory_bytes
            for more in (
                service.attack(server, hostile, seed, 100, _ROUND["service"]),
                service.own_pictures(server, 60),
                service.stall(server),
                service.check_rest(server, memory),
            ):
                found.verdicts.update(more.verdicts)
                found.harms += more.harms
        return found

    return {
        "service": serve,
        "pictures": lambda seed: pictures.attack(folder, seed, 0, _ROUND["pictures"]),
        "networks": lambda seed: networks.attack(folder / "networks", seed, 0, _ROUND["networks"]),
        "messages": send,
        "jobs": work,
        "kills": lambda seed: kills.attack(shot(), seed, _CHAINS),
        "kept": lambda seed: kept.attack(shot(), seed, 0, _ROUND["kept"]),
    }


if __name__ == "__main__":
    sys.exit(main())
