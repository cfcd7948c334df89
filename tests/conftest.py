"""What every test shares: Hypothesis profiles, real parts or a plain refusal, nothing left behind."""

import asyncio
import os
import shutil
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from inspect import iscoroutinefunction

import hypothesis
import psutil
import pytest

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it puts into the background so, and the programs under test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

SETTLING_SECONDS = 2.0  # what is already ending may end; what goes on after that was left behind
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """Ask for a real program by name and get its path: ``needs("mosquitto")``.

    Where it is missing the test is skipped, but with ``CI=true`` it fails: there every part is
    installed, and a skip would hide that nothing was tested.
    """

    def find(program: str) -> str:
        path = shutil.which(program, path=SEARCH_PATH)
        if path is not None:
            return path
        message = f"the program {program!r} is not installed; .ci/run shows how to install it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)

    return find


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a task, a thread or a child process of its own running."""
    threads_before = set(threading.enumerate())
    children_before = set(psutil.Process().children())
    if iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_task_left_behind")
    yield
    threads = [
        thread
        for thread in set(threading.enumerate()) - threads_before
        # The loop's own pool ends with the loop, which is closed after this.
        if not thread.daemon and not thread.name.startswith("asyncio_") and not ended(thread)
    ]
    children = set(psutil.Process().children()) - children_before
    _, running = psutil.wait_procs(children, timeout=SETTLING_SECONDS if children else 0)
    for child in running:  # else it would disturb the tests that follow
        child.kill()
    left = [f"thread {thread.name}" for thread in threads]
    left += [f"process {child.pid}" for child in running]
    if left:
        pytest.fail(f"the test left behind: {', '.join(left)}")


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """Fail an asynchronous test whose event loop still has a task that is not about to end."""
    yield
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if not tasks:
        return
    _, running = await asyncio.wait(tasks, timeout=SETTLING_SECONDS)
    if running:
        names = ", ".join(f"{task.get_name()} ({task.get_coro()})" for task in running)
        pytest.fail(f"the test left tasks behind: {names}")


def ended(thread: threading.Thread) -> bool:
    """Whether the thread is over within the settling time."""
    thread.join(SETTLING_SECONDS)
    return not thread.is_alive()
