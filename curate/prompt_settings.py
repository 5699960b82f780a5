"""Settings of the prompts of a policy."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from curate.settings import Settings, at_most

Text: TypeAlias = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
PromptName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Prompt(Settings):
    """Clips kept or dropped by how much they are like a text, in the embedder's vectors."""

    text: Text
    """What a clip is compared with."""
    against: Text | None = None
    """A second text, whose cosine is subtracted: what the first is to be told from."""
    low: float | None = Field(None, ge=-2, le=2)
    """Least cosine (difference of cosines, with `against`) that is kept."""
    high: float | None = Field(None, ge=-2, le=2)
    """Greatest that is kept."""
    null: Literal["keep", "drop"] = "keep"
    """What a clip without a vector means."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a prompt has low, high or both")
        if self.low is not None and self.high is not None:
            at_most(self, "low", "high")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """What has to be compared."""
        return (self.text,) if self.against is None else (self.text, self.against)
