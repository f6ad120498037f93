"""F2, F16, F17, F20: stores and leases with real processes that race, die and run out of disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkContext
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.errors import Busy, DeployerError, PreflightError, Transient
from deployer.releases.lease import Lease
from deployer.releases.ledger import Ledger
from deployer.releases.owner import is_dead, this_process
from deployer.releases.store import FolderStore, open_store
from tests.support.story import SCOPE

FORK: ForkContext = multiprocessing.get_context("fork")


def together(count: int, work: Any, *arguments: Any) -> list[Any]:
    """Run `work(barrier, answers, *arguments)` in `count` processes; what they answered."""
    barrier, answers = FORK.Barrier(count), FORK.SimpleQueue()
    racing = [FORK.Process(target=work, args=(barrier, answers, *arguments)) for _ in range(count)]
    for process in racing:
        process.start()
    told = [answers.get() for _ in racing]
    for process in racing:
        process.join(60)
        assert process.exitcode == 0
    return told


def create(barrier: Any, answers: Any, root: Path, rounds: int) -> None:
    won = []
    for i in range(rounds):
        barrier.wait(60)
        if FolderStore(root).create(f"lease/{i}", str(os.getpid()).encode() * 1000):
            won.append((i, os.getpid()))
    answers.put(won)


def test_f16_of_twelve_processes_exactly_one_creates_a_key(tmp_path: Path) -> None:
    told = together(12, create, tmp_path, 20)
    won = dict(pair for each in told for pair in each)
    assert sum(map(len, told)) == len(won) == 20
    held = FolderStore(tmp_path).read_many(f"lease/{i}" for i in range(20))
    assert held == {f"lease/{i}": str(pid).encode() * 1000 for i, pid in won.items()}
    assert list(tmp_path.rglob(".*")) == []


def hold(barrier: Any, answers: Any, root: Path, rounds: int) -> None:
    """Try to hold the lease in each round; while it is held, nobody else may be."""
    wins = 0
    for _ in range(rounds):
        barrier.wait(60)
        lease = Lease(FolderStore(root), this_process())
        try:
            lease.take("ship")
        except Busy:
            continue
        alone = root / "alone"
        os.close(os.open(alone, os.O_CREAT | os.O_EXCL))  # fails if another is inside
        lease.check()
        alone.unlink()
        lease.give_back()
        wins += 1
    answers.put(wins)


def test_f16_two_processes_never_hold_the_lease_at_once(tmp_path: Path) -> None:
    wins = together(2, hold, tmp_path, 200)
    assert 200 <= sum(wins) <= 400
    assert Lease(FolderStore(tmp_path), this_process()).look() is None
    assert len(FolderStore(tmp_path).list("lease")) <= 3


HOLDER = """
import sys, time
from pathlib import Path
from deployer.releases.lease import Lease
from deployer.releases.owner import this_process
from deployer.releases.store import FolderStore
Lease(FolderStore(Path(sys.argv[1])), this_process()).take("ship")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease below `tmp_path`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_f17_a_holder_that_is_killed_is_replaced_at_once(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    lease = Lease(FolderStore(tmp_path), this_process())
    with pytest.raises(Busy):
        lease.take("mine")
    holder.kill()
    deadline_free = os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # dead, uncollected
    assert deadline_free
    assert lease.take("mine").what == "mine"


def test_f17_a_holder_that_is_only_stopped_is_not_replaced(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(Busy):
        Lease(FolderStore(tmp_path), this_process()).take("mine")
    holder.send_signal(signal.SIGCONT)


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    me = this_process()
    assert not is_dead(me)
    assert is_dead(replace(me, started="1"))
    assert not is_dead(replace(me, machine="another/one", pid=2**22 + 1))
    assert not is_dead(replace(me, machine="", pid=2**22 + 1))
    assert is_dead(replace(me, pid=2**22 + 1))


def test_a_process_of_another_user_that_proc_hides_is_not_called_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    hidden = replace(this_process(), pid=2**22 + 1)  # as hidepid=2 shows it: no /proc entry
    monkeypatch.setattr(os, "kill", refuse)
    assert not is_dead(hidden)


def test_f02_a_kill_in_the_middle_of_writing_leaves_no_torn_record(tmp_path: Path) -> None:
    steps = ["fsync", "link", "unlink", "close"]
    for step in steps:
        for side in ("before", "after"):
            root = tmp_path / f"{step}-{side}"
            assert killed_at(step, side, root) == -signal.SIGKILL
            store = FolderStore(root)
            for data in store.read_many(store.list("records")).values():
                assert json.loads(data) == {"whole": "x" * 5000}
            store.create("records/r1.json", whole())
            assert store.list("records") == ["records/r1.json"]


def whole() -> bytes:
    return json.dumps({"whole": "x" * 5000}).encode()


def killed_at(step: str, side: str, root: Path) -> int:
    """Create a record in a child that is killed around one system call; how it ended."""
    pid = os.fork()
    if pid == 0:
        original = getattr(os, step)

        def die(*args: Any, **kwargs: Any) -> Any:
            if side == "after":
                original(*args, **kwargs)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, step, die)
        FolderStore(root).create("records/r1.json", whole())
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; needs root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.getuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a file system can be mounted by root only")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_f20_a_full_disk_is_told_and_harms_nothing(tiny_disk: Path) -> None:
    store = FolderStore(tiny_disk)
    assert store.create("records/old.json", b"old" * 1000)
    with pytest.raises(Transient, match="state folder") as raised:
        fill(store)
    assert "No space left" in str(raised.value.why)
    assert store.read_many(["records/old.json"]) == {"records/old.json": b"old" * 1000}
    sizes = {len(data) for data in store.read_many(store.list("records")).values()}
    assert sizes == {3000, 8000}
    assert list(tiny_disk.rglob(".*")) == []


def fill(store: FolderStore) -> None:
    for i in range(100):
        store.create(f"records/{i}.json", b"x" * 8000)


def test_f20_a_lease_on_a_full_disk_is_not_taken(tiny_disk: Path) -> None:
    (tiny_disk / "filler").write_bytes(b"x" * 65536)
    with pytest.raises(DeployerError, match="state folder"):
        Lease(FolderStore(tiny_disk), this_process()).take("ship")


def test_f20_a_folder_that_is_a_file_is_no_existing_key(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("in the way")
    store = FolderStore(tmp_path)
    for call in (
        lambda: store.create("records/r1.json", b"{}"),
        lambda: store.read_many(["records/r1.json"]),
        lambda: store.delete("records/r1.json"),
    ):
        with pytest.raises(PreflightError, match="state folder"):
            call()


def test_f20_a_folder_that_is_not_ours_is_told_at_once(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    tmp_path.chmod(0o755)
    assert told_as_nobody(theirs) == "PreflightError Permission denied"


def told_as_nobody(root: Path) -> str:
    """What a process without rights is told when it creates a record below `root`."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        if os.getuid() == 0:
            os.setuid(65534)
        else:
            root.chmod(0)
        try:
            FolderStore(root).create("records/r1.json", b"{}")
            text = "created"
        except BaseException as error:
            text = f"{type(error).__name__} {getattr(error, 'why', error)}"
        os.write(writing, text.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        return pipe.read()


def test_each_scope_has_a_folder_of_its_own(tmp_path: Path) -> None:
    url = f"file://{tmp_path}"
    open_store(url, SCOPE).create("records/r1.json", b"{}")
    other = replace(SCOPE, service="web")
    assert open_store(url, other).list("records") == []
    assert Ledger(open_store(url, other)).history() == ()
    assert (tmp_path / "v1/shop/default/here/api/records/r1.json").exists()
