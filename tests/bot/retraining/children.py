"""Small programs that a trainer runs in place of `python -m training`: real processes, each with a habit of its own."""

from __future__ import annotations

import sys
from pathlib import Path

HABITS = {
    "good": """
        for done in (1, 2):
            say(json.dumps({"stage": f"fold {done} of 2", "done": done, "total": 2, "eta_s": 2.0 - done}))
        print(json.dumps({"bundle": "b-1", "verdict": {"step": "reject", "reason": "no edge found"}}))
    """,
    "garbage": 'print("<html>502 Bad Gateway</html>")',
    "silent": "pass",
    "failing": 'say("sigma: found no candles; download or import some first"); sys.exit(1)',
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "greedy": "kept = [bytearray(16 << 20) for _ in range(1000)]",
    "hanging": 'say(f"waiting {os.getpid()}"); time.sleep(600)',
    "stubborn": """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        say(f"waiting {child or os.getpid()}")
        time.sleep(600)
    """,
    "loud": """
        for _ in range(100):
            say("x" * 100_000)
        print(json.dumps({"bundle": "b-1", "verdict": {}, "padding": "y" * 1_000_000}))
    """,
    "telling": """
        document = {"nice": os.getpriority(os.PRIO_PROCESS, 0), "arguments": sys.argv[1:]}
        document["memory"] = resource.getrlimit(resource.RLIMIT_DATA)[0]
        document["variables"] = {name: value for name, value in os.environ.items() if "TH" in name or "TOKEN" in name}
        time.sleep(0.3)
        document["nice"] = os.getpriority(os.PRIO_PROCESS, 0)
        document["policy"], document["cores"] = os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))
        document["memory"] = resource.getrlimit(resource.RLIMIT_DATA)[0]
        print(json.dumps(document))
    """,
}
OPENING = """
import json, os, resource, signal, sys, time

def say(line):
    os.write(2, (line + "\\n").encode())

"""


def child(folder: Path, habit: str) -> tuple[str, ...]:
    """Write the program with that habit and return its command line."""
    lines = HABITS[habit].splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    path = folder / f"{habit}.py"
    path.write_text(OPENING + "\n".join(line[indent:] if line.strip() else "" for line in lines) + "\n")
    return sys.executable, str(path)
