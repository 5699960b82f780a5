"""The base of all settings."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of all settings: immutable, unknown keys, infinite and undefined numbers refused.

    Defaults are validated like given values, so that 3600 and 3600.0 give the same stage key.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def at_most(settings: Settings, small: str, large: str) -> None:
    """Raise ValueError where one setting is above another."""
    low, high = getattr(settings, small), getattr(settings, large)
    if low > high:
        raise ValueError(f"{small} ({low}) must not be above {large} ({high})")
