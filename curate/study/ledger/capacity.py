"""The regulariser's knob of a ledger, matched on the reference arm and the same for all arms."""

from dataclasses import asdict
from typing import Any, Final

import torch

from curate.latent_action.capacity import match_capacity
from curate.study.ledger.cell import train_config
from curate.study.ledger.labelled import Loader
from curate.study.ledger.plan import LedgerPlan
from curate.study.ledger.settings import Ledger
from curate.study.normaliser import Normaliser
from manifests.errors import ConfigError

HELD_SHARE: Final = 5
"""One in so many sources of the reference arm is kept back to measure the gap."""


def match(
    plan: LedgerPlan, load: Loader, settings: Ledger, normaliser: Normaliser
) -> dict[str, Any]:
    """Choose the knob that closes `settings.match_gap` of the gap; see `match_capacity`.

    Args:
        plan: Of its reference arm the first seed's windows are used, a fifth of the sources held
            out.
        load: Gives the tokens of windows.
        settings: Budget, regulariser and `match_gap`.
        normaliser: The target space of all arms.

    Returns:
        `capacity`, `gap_closed` and `trials`, JSON-ready.

    Raises:
        ConfigError: The regulariser has no knob, there is one source, or latent actions without
            a bound do not predict better than none.
    """
    windows = plan.train[plan.reference][0]
    names = sorted({plan.source_of[w] for w in windows})
    held = set(names[::HELD_SHARE])
    parts = [
        [w for w in windows if (plan.source_of[w] in held) is inside] for inside in (False, True)
    ]
    if settings.match_gap is None or not all(parts):
        raise ConfigError("ledger.match_gap needs a share, and windows of two sources or more")
    tokens, rest = (torch.from_numpy(normaliser.apply(load(part))) for part in parts)
    budget = train_config(settings, tokens)
    try:
        found = match_capacity(tokens, rest, budget, budget.bound, settings.match_gap)
    except ValueError as error:
        raise ConfigError(f"ledger.match_gap: {error}") from error
    return {
        "capacity": found.regulariser.capacity,
        "gap_closed": found.gap_closed,
        "trials": [asdict(trial) for trial in found.trials],
    }
