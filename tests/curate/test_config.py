import re
import tomllib

import polars as pl
import pytest

from curate.config import Config, Policy, load_config, policy_bounds, setting_names, to_toml
from curate.keys import stage_keys
from filters.registry import FILTERS
from manifests.errors import ConfigError


def test_defaults_survive_a_round_trip_through_toml() -> None:
    assert load_config(to_toml(Config())) == Config()
    assert load_config(to_toml(Config(), comments=True)) == Config()


def test_keys_survive_a_round_trip_through_toml() -> None:
    config = load_config(None, ["embed.spec=bundled", "encode.spec=bundled", "clips.max_s=9"])
    assert stage_keys(load_config(to_toml(config))) == stage_keys(config)


def test_filter_bounds_survive_a_round_trip() -> None:
    config = load_config(None, ["policy.filters.camera_motion.high=0.25"])
    assert load_config(to_toml(config)) == config
    assert config.policy.filters["camera_motion"].high == 0.25


def test_the_template_explains_every_setting() -> None:
    lines = to_toml(Config(), comments=True).splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r"(# )?[a-z_]+ = ", line)]
    assert len(keys) > 40
    assert all(lines[i - 1].startswith("# ") for i in keys)
    tomllib.loads("\n".join(lines))


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        pytest.param("[clips]\nmim_s = 1", "clips.mim_s; did you mean clips.min_s", id="typo"),
        pytest.param("[clip]\nmin_s = 1", "unknown setting clip; did you mean clips", id="section"),
        pytest.param("[shots]\nmax_s = 1", "did you mean clips.max_s", id="other-section"),
        pytest.param("[clips]\nmin_s = 'long'", "clips.min_s: ", id="type"),
        pytest.param("[clips]\nmin_s = -1", "clips.min_s: ", id="range"),
        pytest.param("[clips\n", "not valid TOML", id="syntax"),
        pytest.param(
            "[policy.filters.camera_motoin]\nhigh = 1",
            "did you mean camera_motion",
            id="filter",
        ),
        pytest.param(
            "[policy.filters.camera_motion]\nhihg = 1",
            "did you mean policy.filters.camera_motion.high",
            id="bound",
        ),
    ],
)
def test_a_wrong_key_is_refused_with_the_nearest_valid_one(toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(toml)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        pytest.param(
            "[clips]\nmin_s = 3\nmax_s = 2",
            "clips: min_s (3.0) must not be above max_s (2.0)",
            id="clips",
        ),
        pytest.param(
            "[clips]\nmax_s = 1", "clips: min_s (2.0) must not be above max_s (1.0)", id="default"
        ),
        pytest.param(
            "[encode]\nmax_steps = 4",
            "encode: min_steps (8) must not be above max_steps (4)",
            id="encode",
        ),
        pytest.param(
            "[study]\nhorizon = 8", "study: horizon (8) must be below window (8)", id="study"
        ),
        pytest.param(
            "[policy.filters.camera_motion]\nlow = 2\nhigh = 1",
            "policy.filters.camera_motion: low (2.0) must not be above high (1.0)",
            id="bounds",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused(toml: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(toml)
    assert str(caught.value) == message


def test_settings_may_be_as_tight_as_they_get() -> None:
    chosen = ["clips.min_s=4", "clips.max_s=4", "encode.max_steps=8", "study.horizon=7"]
    bounds = ["policy.filters.camera_motion.low=1", "policy.filters.camera_motion.high=1"]
    config = load_config(None, chosen + bounds)
    assert config.clips.min_s == config.clips.max_s


@pytest.mark.parametrize("number", ["inf", "-inf", "nan", "1e999"])
def test_a_number_that_is_not_finite_is_refused(number: str) -> None:
    with pytest.raises(ConfigError, match=r"^run\.commit_s: must be a finite number, not"):
        load_config(f"[run]\ncommit_s = {number}")
    with pytest.raises(ConfigError, match=r"`policy\.filters\.camera_motion\.off = true`"):
        load_config(f"[policy.filters.camera_motion]\nhigh = {number}")


def test_overrides_come_last_and_bare_words_are_strings() -> None:
    config = load_config("[clips]\nmin_s = 3.0", ["clips.min_s=1.5", "embed.spec=bundled"])
    assert config.clips.min_s == 1.5
    assert config.embed.spec == "bundled"


@pytest.mark.parametrize("override", ["clips.min_s", "clips.min_s.deep=1", "clips.minimum=1"])
def test_a_wrong_override_is_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        load_config("[clips]\nmin_s = 3.0", [override])


def test_setting_names_hold_every_leaf() -> None:
    names = setting_names()
    assert {"clips", "clips.min_s", "run.workers", "policy.filters.camera_motion.low"} <= set(names)


def test_policy_bounds_are_the_registrys_unless_changed() -> None:
    bounds = {row["filter"]: row for row in policy_bounds(Policy()).to_dicts()}
    expected = {n for n, f in FILTERS.items() if f.low is not None or f.high is not None}
    assert set(bounds) == expected
    changed = Policy.model_validate({"filters": {"camera_motion": {"off": True}}})
    assert set(policy_bounds(changed)["filter"]) == expected - {"camera_motion"}
    unbound = next(n for n, f in FILTERS.items() if f.low is None and f.high is None)
    added = Policy.model_validate({"filters": {unbound: {"low": 1.0, "null": "keep"}}})
    row = policy_bounds(added).filter(pl.col("filter") == unbound).to_dicts()
    assert row == [{"filter": unbound, "low": 1.0, "high": None, "null": "keep"}]


def test_a_line_break_in_a_text_survives() -> None:
    config = load_config(None, ['ledger.source_pattern="a\\nb\\u0001\\"c\\\\\\\\d"'])
    assert config.ledger.source_pattern == 'a\nb\x01"c\\\\d'
    assert load_config(to_toml(config, comments=True)) == config
