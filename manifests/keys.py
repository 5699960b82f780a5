"""Stage keys: a hash of everything that decides what a stage writes.

Work to do is what is not committed under the current key, so a changed setting recomputes the
stages that depend on it and nothing else.
"""

import json
from hashlib import blake2b
from typing import Any


def stage_key(stage: str, version: int, settings: dict[str, Any], *upstream: str) -> str:
    """Hash a stage's code version, its resolved settings and the keys of what it reads.

    Args:
        stage: Name of the stage.
        version: Raised by hand whenever the stage's code gives other results.
        settings: JSON-serialisable settings that influence the stage's output, all of them.
        upstream: Keys of the stages read.

    Returns:
        16 hexadecimal digits.
    """
    document = json.dumps([stage, version, settings, upstream], sort_keys=True, allow_nan=False)
    return blake2b(document.encode(), digest_size=8).hexdigest()
