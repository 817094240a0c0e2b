"""What the SDK scripts share: the environment they read and the lines they print.

Every check prints `ok NAME` or `FAIL NAME: why`; `finish` exits with 1 if any failed.
"""

import os
import sys
import traceback

URL = os.environ.get("KEYWARD_URL", "").rstrip("/")
# A key that may use every model but the DENIED ones.
KEY = os.environ.get("KEYWARD_KEY", "")
# A key that may use the DENIED models just as little, in case KEY may; falls back to KEY.
RESTRICTED_KEY = os.environ.get("KEYWARD_RESTRICTED_KEY") or KEY
# A key whose calls are answered 429.
LIMITED_KEY = os.environ.get("KEYWARD_LIMITED_KEY", "")

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB3UNq9AAAAABJRU5ErkJggg=="
)

_failed = []
_passed = 0


def model(name, default):
    """A model name out of KEYWARD_MODEL_<NAME>."""
    return os.environ.get("KEYWARD_MODEL_" + name, default)


def require_environment():
    """Says what is missing instead of failing one check after the other."""
    missing = [name for name in ("KEYWARD_URL", "KEYWARD_KEY", "KEYWARD_LIMITED_KEY") if not os.environ.get(name)]
    if missing:
        print("missing in the environment: " + ", ".join(missing), file=sys.stderr)
        sys.exit(2)


def wrong_key():
    """A key of the right form that nobody issued."""
    return KEY[:-6] + "".join(chr(((ord(c) - 48 + 1) % 10) + 48) if c.isdigit() else c.swapcase() for c in KEY[-6:])


def check(function):
    """Runs a check at once and reports it under its own name."""
    global _passed
    name = function.__name__
    try:
        function()
    except BaseException as error:  # a check may fail in any way, and the next one still runs
        _failed.append(name)
        print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
        traceback.print_exc()
    else:
        _passed += 1
        print(f"ok {name}", flush=True)
    return function


def raises(kind, call, status=None):
    """Asserts that `call` raises exactly the SDK's exception type, with this status, and returns it."""
    try:
        call()
    except Exception as error:
        assert type(error) is kind, f"expected {kind.__name__}, got {type(error).__name__}: {error}"
        if status is not None:
            seen = getattr(error, "status_code", None) or getattr(error, "code", None)
            assert seen == status, f"expected status {status}, got {seen}"
        return error
    raise AssertionError(f"expected {kind.__name__}, nothing was raised")


def finish():
    """The last line and the exit code."""
    print(f"{_passed} passed, {len(_failed)} failed")
    sys.exit(1 if _failed or not _passed else 0)
