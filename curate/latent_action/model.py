"""A compact latent-action model: an inverse model, a causal forward model, and a blind twin.

Source: arXiv 2601.05230 section 3 (frame-causal forward model, frame-wise AdaLN-zero, L1 in a
frozen feature space). Kinds and sizes are in config.py, the two halves in inverse.py and
forward.py, what lies between them in regularisers.py.
"""

from typing import NamedTuple

import torch
from torch import nn

from curate.latent_action.config import ModelConfig
from curate.latent_action.forward import build_forward
from curate.latent_action.inverse import LOG_VARIANCE_BOUND, build_inverse
from curate.latent_action.regularisers import NONE, Latents, Regulariser, build_quantiser

__all__ = ["LOG_VARIANCE_BOUND", "LatentActionModel", "Latents", "ModelConfig", "Prediction"]


class Prediction(NamedTuple):
    """Predicted frames 1..T-1, (B, T-1, N, D), and what they were predicted from."""

    frames: torch.Tensor
    latents: Latents | None


class LatentActionModel(nn.Module):
    """Infers what happened between frames and predicts each next frame from it.

    Args:
        config: Sizes and kinds.
        action: False gives the twin that knows no action: the same forward model with one learned
            constant for every latent action, and no inverse model.
        regulariser: Decides whether latent actions are quantised.
    """

    def __init__(
        self, config: ModelConfig, *, action: bool = True, regulariser: Regulariser = NONE
    ) -> None:
        super().__init__()
        self.config = config
        self.inverse = build_inverse(config) if action else None
        self.quantiser = build_quantiser(regulariser, config.latent) if action else None
        self.constant = None if action else nn.Parameter(torch.zeros(config.latent))
        self.transition = build_forward(config)

    def evidence(self, frames: torch.Tensor) -> torch.Tensor | None:
        """What inference reads of clips (B, t, N, D) that does not depend on weights, (B, t-1, K).

        None where there is nothing of the kind. Computed once, it saves most of the inference.
        """
        if self.inverse is None:
            return None
        return self.inverse.evidence(frames[:, :-1], frames[:, 1:])

    def infer(self, frames: torch.Tensor, evidence: torch.Tensor | None = None) -> Latents | None:
        """Infer the latent action of each pair of frames; None for the twin.

        Args:
            frames: (B, t, N, D) with t at least 2.
            evidence: Of `evidence(frames)`, where it is known already.
        """
        if self.inverse is None:
            return None
        latents: Latents = self.inverse(frames[:, :-1], frames[:, 1:], evidence)
        if self.quantiser is not None:
            latents = self.quantiser(latents)
        return latents

    def predict(self, frames: torch.Tensor, actions: torch.Tensor | None) -> torch.Tensor:
        """Predict the frame after each given frame.

        Args:
            frames: (B, t, N, D), the true or predicted past, t at most T-1.
            actions: (B, t, latent); ignored by the twin.

        Returns:
            (B, t, N, D); entry i depends on frames and actions 0..i only.

        Raises:
            ValueError: No actions were given to a model that needs them.
        """
        if self.constant is not None:
            actions = self.constant.expand(*frames.shape[:2], -1)
        if actions is None:
            raise ValueError("actions must be given to a model with an inverse model")
        predicted: torch.Tensor = self.transition(frames, actions)
        return predicted

    def forward(
        self,
        frames: torch.Tensor,
        noise: torch.Tensor | None = None,
        evidence: torch.Tensor | None = None,
    ) -> Prediction:
        """Predict frames 1..T-1 from the true frames before each and the inferred actions.

        Args:
            frames: (B, T, N, D).
            noise: (B, T-1, latent) standard normal sample of the reparametrised latents; None
                takes their mean.
            evidence: Of `evidence(frames)`, where it is known already.
        """
        latents = self.infer(frames, evidence)
        actions = None
        if latents is not None:
            actions = latents.mean
            if noise is not None:
                actions = actions + noise * torch.exp(0.5 * latents.log_variance)
        return Prediction(self.predict(frames[:, :-1], actions), latents)
