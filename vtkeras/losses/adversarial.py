"""Adversarial losses: what the scores of a discriminator cost it, and what they cost the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from keras import ops


@dataclass(frozen=True)
class AdversarialLoss:
    """A loss of both sides of the game.

    A discriminator gives a score to an example, high for a real one: one number, or one for each of several places
    of it, (batch, ...). Each function takes scores and gives one value an example, the mean over its places.

    Attributes:
        real: what the discriminator pays for the score of a real example.
        fake: what it pays for the score of a fake one.
        generator: what the generator pays for the score of its own example.

    Example:
        >>> loss = ADVERSARIAL_LOSSES["hinge"]
        >>> loss.real(ops.array([2.0, 0.5])), loss.fake(ops.array([-2.0, 0.5])), loss.generator(ops.array([0.5]))
        ([0.0, 0.5], [0.0, 1.5], [-0.5])
    """

    real: Callable
    fake: Callable
    generator: Callable


def _per_example(of_score: Callable) -> Callable:
    """The mean of `of_score` over an example's places, in float32."""

    def loss(scores):
        values = of_score(ops.cast(scores, "float32"))
        return ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)

    return loss


def _of_labels(of_score: Callable) -> AdversarialLoss:
    """A loss by how far a score is from the label 1 or 0; the generator wants its examples taken for real."""
    real = _per_example(of_score)
    return AdversarialLoss(real, _per_example(lambda scores: of_score(-scores)), real)


def _cross_entropy(scores):
    """-log sigmoid(score): the cross-entropy with label 1, and of the opposite score that with label 0."""
    return ops.softplus(-scores)


def _cross_entropy_and_square(scores):
    return _cross_entropy(scores) + ops.square(1 - ops.sigmoid(scores))


def _negative(scores):
    return -scores


ADVERSARIAL_LOSSES = {
    # Goodfellow et al., "Generative Adversarial Nets", 2014; the generator's side is the non-saturating one.
    "bce": _of_labels(_cross_entropy),
    # Cross-entropy plus the squared distance of the probability from its label (MSE), as in Mao et al., "Least
    # Squares Generative Adversarial Networks", 2017: its gradient is bounded and ends where a score is right.
    "bce_mse": _of_labels(_cross_entropy_and_square),
    # Lim and Ye, "Geometric GAN", 2017.
    "hinge": AdversarialLoss(
        real=_per_example(lambda scores: ops.relu(1 - scores)),
        fake=_per_example(lambda scores: ops.relu(1 + scores)),
        generator=_per_example(_negative),
    ),
    # Arjovsky et al., "Wasserstein GAN", 2017; wants a bounded gradient, see `vtkeras.training.penalties`.
    "wasserstein": AdversarialLoss(
        real=_per_example(_negative), fake=_per_example(lambda scores: scores), generator=_per_example(_negative)
    ),
}
