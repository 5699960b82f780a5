"""What is left of a shot transition inside a clip, as the shot detector scored it."""

from filters.base import Clip, Unmeasurable


def inside(clip: Clip) -> float:
    """Highest score of a cut or gradual transition within the clip, 0 to 1.

    Clips are cut where scores reach the thresholds of `[shots]`, so this is below them, but for
    runs too short to be a transition. A bound on it asks for cleaner clips than the cutting did,
    without another decode.

    Raises:
        Unmeasurable: The shot detector gives no scores ("not_scored").
    """
    if clip.transition is None:
        raise Unmeasurable("not_scored")
    return clip.transition
