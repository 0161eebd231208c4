"""What mho raises. Every class is also the standard exception that callers would expect."""

from __future__ import annotations


class MhoError(Exception):
    """Base of all errors from mho; the message names the thing, the reason and the way out."""


class InvalidArgumentError(MhoError, ValueError):
    """A request that makes no sense: a bad option, a shape that does not fit."""


class InvalidModelError(MhoError, ValueError):
    """A model file that is damaged or breaks the ONNX specification."""


class UnsupportedError(MhoError, NotImplementedError):
    """A valid model that needs something mho does not have."""


class NotFoundError(MhoError, KeyError):
    """No layer, tensor or input of that name."""

    __str__ = Exception.__str__  # KeyError would print the message in quotes


class IoError(MhoError, OSError):
    """A file could not be read or written."""


class NumericError(MhoError, ArithmeticError, ValueError):
    """NaN or infinity where a number was needed."""


class LimitError(MhoError, RuntimeError):
    """A size limit was exceeded."""


class CancelledError(MhoError, RuntimeError):
    """The progress function returned False."""


class InternalError(MhoError, RuntimeError):
    """A bug in mho: please report it."""
