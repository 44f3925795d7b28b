"""What stops a training run with a sentence instead of a traceback."""

from __future__ import annotations

# What those who read a file raise, beside their own errors, when it is not what was
# written: a library's reader answers odd bytes with whatever they lead it into.
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError)


class TrainingError(Exception):
    """The run cannot go on; the message says the rule and what was found."""


class UnknownData(TrainingError):
    """No such folder, and no data set of that name."""


class UnfitData(TrainingError):
    """The photos cannot train or judge a classifier; nothing was started."""


class UnknownBackbone(TrainingError):
    """No backbone of that name, or its weights cannot be had."""


class ExportRefused(TrainingError):
    """The trained model is not good enough, or not the same once exported."""


class UnfitModel(TrainingError):
    """No exported model lies there, or not one that photos can be scored with."""


class ScoringRefused(TrainingError):
    """The scores cannot be written as asked; rows already there are untouched."""


class UnknownLabels(TrainingError):
    """The names of a network's classes cannot be had."""


class UnfitCache(TrainingError):
    """What is kept between runs cannot be read, written or shared."""


class UnfitKnobs(TrainingError):
    """Asked for what the chosen network cannot do; nothing was started."""


class ConversionRefused(TrainingError):
    """The model cannot be had in that format, or would answer otherwise there."""
