"""Which windows train and evaluate each arm of the ledger: written before any training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, Final

import polars as pl

from curate.study.ledger.settings import Ledger
from curate.study.plan import StudyImpossible

RAW: Final = "raw"
"""The reference: windows of the timeline as they come."""
CURATED: Final = "curated"
"""Windows to which no group objects."""
REJECTED: Final = "rejected"
"""Windows to which at least one objects."""
RANDOM: Final = "random"
"""Of the raw windows as many as are curated, chosen without looking: less data, no filter."""

ALL_RAW: Final = "all raw"
"""The raw windows of all the footage that the curated ones are left of: equal raw hours."""

EVAL_WINDOWS: Final = 512
"""Most windows per eval set: the interval's width is governed by sources."""
REFERENCE_WINDOWS: Final = 256
"""Most windows of the normaliser's sample."""
MIN_WINDOWS: Final = 8
"""Fewest windows per arm."""

_SALT: Final = "rushes ledger 1"  # a new split is a new number here


@dataclass(frozen=True, slots=True)
class LedgerPlan:
    """Everything that decides which window is used where; independent of tokens and training.

    Attributes:
        reference: The arm whose no-action model divides all arms' rollout errors.
        windows: Training windows per arm and seed, the same for all arms but `ALL_RAW`.
        train: Arm -> per seed, its training windows (sorted); the arms in reporting order.
        versus: Arm -> the arm that its figures are compared with.
        pools: Arm -> windows there were after the cap per source.
        left_out: Arm -> why it is not trained.
        shares: Group -> share of raw training windows that it objects to.
        evaluate: Eval set -> its windows (sorted), all of held-out sources.
        label_train: Windows whose actions fit the probes.
        label_test: Windows whose actions test them, of held-out sources.
        neutral: Windows that fit the normaliser.
        source_of: Window -> source, of every window named here.
        primary: The declared figures of merit, in order.
    """

    reference: str
    windows: int
    train: dict[str, tuple[tuple[str, ...], ...]]
    versus: dict[str, str]
    pools: dict[str, int]
    left_out: dict[str, str]
    shares: dict[str, float]
    evaluate: dict[str, tuple[str, ...]]
    label_train: tuple[str, ...]
    label_test: tuple[str, ...]
    neutral: tuple[str, ...]
    source_of: dict[str, str]
    primary: tuple[str, ...]

    def to_json(self) -> str:
        """The plan as stored in plan.json."""
        return json.dumps(asdict(self), indent=1, sort_keys=False)

    @classmethod
    def from_json(cls, text: str) -> "LedgerPlan":
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        for key in ("label_train", "label_test", "neutral", "primary"):
            data[key] = tuple(data[key])
        data["train"] = {a: tuple(map(tuple, seeds)) for a, seeds in data["train"].items()}
        data["evaluate"] = {name: tuple(windows) for name, windows in data["evaluate"].items()}
        return cls(**data)


def plan_ledger(windows: pl.DataFrame, settings: Ledger) -> LedgerPlan:
    """Draw the ledger's windows.

    Args:
        windows: One row per window with tokens, the order without effect: window_id, source, role
            (`pool`, `eval` or `label`), flags (list of groups that object) and labelled (whether
            every step has an action). Where no window is of role `eval`, sources are held out by
            hash; where none is of role `label`, labelled training windows without flags serve, or
            with flags where those are of fewer than two sources.
        settings: Budget.

    Raises:
        StudyImpossible: Too few sources or windows.
    """
    windows, pool, held = split(windows, settings)
    shares = {
        group: float(pool["flags"].list.contains(group).mean() or 0)  # type: ignore[arg-type]
        for group in sorted({g for flags in pool["flags"] for g in flags})
    }
    groups = [g for g, share in shares.items() if share >= settings.least_share]
    arms, versus = _arms(groups, leave_out=settings.leave_out)
    pairs = pool.select("window_id", "flags").iter_rows()
    flags = {name: frozenset(found) for name, found in pairs}
    source_of = dict(windows.select("window_id", "source").iter_rows())
    pools = {
        arm: _capped([w for w in flags if keep(flags[w])], source_of, settings.windows_per_source)
        for arm, keep in arms.items()
    }
    pools[RANDOM] = sorted(pools[RAW], key=_rank)[: len(pools[CURATED])]
    size = min(len(pools[RAW]), len(pools[CURATED]), settings.train_windows)
    if size < MIN_WINDOWS:
        raise StudyImpossible(
            f"a ledger needs at least {MIN_WINDOWS} raw and as many curated training windows; "
            f"there are {len(pools[RAW])} and {len(pools[CURATED])}"
        )
    plan = complete(windows, held, pool, pools, versus, RAW, size, shares, settings)
    return _with_all_raw(plan, pools, source_of) if settings.equal_hours else plan


def _with_all_raw(
    plan: LedgerPlan, pools: Mapping[str, Sequence[str]], source_of: Mapping[str, str]
) -> LedgerPlan:
    """Add the arm of equal raw hours: all that the curated arm's windows are left of.

    It trains for as many steps on more windows. Nothing is added where nothing was dropped.
    """
    count = round(len(pools[RAW]) * plan.windows / len(pools[CURATED]))
    if count == plan.windows:
        return plan
    drawn = tuple(_draw(pools[RAW], count, seed) for seed in range(len(plan.train[RAW])))
    sources = plan.source_of | {w: source_of[w] for names in drawn for w in names}
    return replace(
        plan,
        train={**plan.train, ALL_RAW: drawn},
        versus={**plan.versus, ALL_RAW: CURATED},
        pools={**plan.pools, ALL_RAW: len(pools[RAW])},
        source_of=dict(sorted(sources.items())),
    )


def split(
    windows: pl.DataFrame, settings: Ledger
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """All windows in an order that hashes decide, those that may train, and those held out."""
    windows = windows.sort(
        pl.col("window_id").map_elements(lambda name: _rank(name).hex(), pl.String)
    )
    held_out = _held_out(windows, settings)
    of_eval = pl.col("source").is_in(held_out) & (pl.col("role") != "label")
    return windows, windows.filter(~of_eval & (pl.col("role") == "pool")), windows.filter(of_eval)


def complete(
    windows: pl.DataFrame,
    held: pl.DataFrame,
    pool: pl.DataFrame,
    pools: Mapping[str, Sequence[str]],
    versus: Mapping[str, str],
    reference: str,
    size: int,
    shares: dict[str, float],
    settings: Ledger,
) -> LedgerPlan:
    """Draw every seed's windows from the arms' pools, and the eval sets that all arms share."""
    source_of = dict(windows.select("window_id", "source").iter_rows())
    left_out = {
        arm: f"{len(names)} windows, where the others have {size}"
        for arm, names in pools.items()
        if len(names) < size
    }
    train = {
        arm: tuple(_draw(names, size, seed) for seed in range(settings.seeds))
        for arm, names in pools.items()
        if arm not in left_out
    }
    label_train, label_test = _labels(windows, held, pool)
    clean = held.filter(pl.col("flags").list.len() == 0)
    evaluate = {
        name: tuple(sorted(_in_turn(list(part["window_id"]), source_of, EVAL_WINDOWS)))
        for name, part in ((RAW, held), (CURATED, clean))
        if len(part)
    }
    neutral = tuple(sorted(_in_turn(list(pools[reference]), source_of, REFERENCE_WINDOWS)))
    used = {*neutral, *label_train, *label_test}
    used |= {w for seeds in train.values() for seed in seeds for w in seed}
    used |= {w for names in evaluate.values() for w in names}
    return LedgerPlan(
        reference=reference,
        windows=size,
        train=train,
        versus={arm: other for arm, other in versus.items() if {arm, other} <= train.keys()},
        pools={arm: len(names) for arm, names in pools.items()},
        left_out=left_out,
        shares=shares,
        evaluate=evaluate,
        label_train=label_train,
        label_test=label_test,
        neutral=neutral,
        source_of={w: source_of[w] for w in sorted(used)},
        primary=_primary(bool(label_test)),
    )


def _primary(labelled: bool) -> tuple[str, ...]:
    return ("action_gain", "rollout_skill") if labelled else ("rollout_skill",)


def _arms(groups: Sequence[str], *, leave_out: bool) -> tuple[Mapping[str, Any], dict[str, str]]:
    """Arm -> which flags it admits, and arm -> what it is compared with."""
    arms: dict[str, Any] = {
        RAW: lambda found: True,
        CURATED: lambda found: not found,
        REJECTED: bool,
        RANDOM: lambda found: True,
    }
    versus = {CURATED: RAW, REJECTED: RAW, RANDOM: RAW}
    if len(groups) > 1:
        for group in groups:
            arms[f"only {group}"] = lambda found, group=group: group not in found
            versus[f"only {group}"] = RAW
        for group in groups if leave_out else ():
            arms[f"without {group}"] = lambda found, group=group: not found - {group}
            versus[f"without {group}"] = CURATED
    return arms, versus


def _held_out(windows: pl.DataFrame, settings: Ledger) -> list[str]:
    named = windows.filter(pl.col("role") == "eval")["source"].unique().to_list()
    sources = sorted(windows.filter(pl.col("role") != "label")["source"].unique(), key=_rank)
    if named:
        return sorted(named)
    if len(sources) < 2:
        raise StudyImpossible(f"a ledger needs at least 2 sources, not {len(sources)}")
    size = min(max(round(settings.eval_share * len(sources)), 1), len(sources) - 1)
    return sorted(sources[:size])


def _labels(
    windows: pl.DataFrame, held: pl.DataFrame, pool: pl.DataFrame
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Windows that fit and that test the probes; both empty where either would be."""
    clean = pl.col("labelled") & (pl.col("flags").list.len() == 0)
    own = windows.filter((pl.col("role") == "label") & pl.col("labelled"))
    if own["source"].n_unique() == 1:
        raise StudyImpossible("ledger.label_match has actions of 1 source, and probes need 2")
    fit = own if len(own) else pool.filter(clean)
    if fit["source"].n_unique() < 2:  # probes leave sources out to choose their ridge
        fit = pool.filter("labelled")
    # A held-out window is tested wherever its actions are known: to leave out what the filters
    # reject would favour the arms that they made.
    test = held.filter(pl.col("labelled"))
    if fit["source"].n_unique() < 2 or not len(test):
        return (), ()
    return (
        tuple(sorted(fit["window_id"][: 4 * EVAL_WINDOWS])),
        tuple(sorted(test["window_id"][: 2 * EVAL_WINDOWS])),
    )


def _capped(names: list[str], source_of: Mapping[str, str], cap: int) -> list[str]:
    """At most `cap` windows of each source, the first by hash."""
    seen: dict[str, int] = {}
    kept = []
    for name in names:
        seen[source_of[name]] = seen.get(source_of[name], 0) + 1
        if seen[source_of[name]] <= cap:
            kept.append(name)
    return kept


def _in_turn(names: list[str], source_of: Mapping[str, str], total: int) -> list[str]:
    """The first window of each source, then the second, and so on."""
    place: dict[str, int] = {}
    ranked = []
    for name in names:
        source = source_of[name]
        place[source] = place.get(source, 0) + 1
        ranked.append((place[source], name))
    return [name for _, name in sorted(ranked, key=lambda pair: pair[0])[:total]]


def _draw(names: Sequence[str], size: int, seed: int) -> tuple[str, ...]:
    """A seed's windows. A window has one rank per seed, so arms share what they both admit."""
    return tuple(sorted(sorted(names, key=lambda name: _rank(f"{seed}:{name}"))[:size]))


def _rank(name: str) -> bytes:
    return blake2b(f"{_SALT}:{name}".encode(), digest_size=16).digest()
