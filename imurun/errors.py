"""Every error that imurun raises on purpose. Each message is one sentence that says what to do."""


class ImurunError(Exception):
    """Root of the tree: catching it catches everything imurun raises on purpose."""


class RecordingError(ImurunError, ValueError):
    """Samples that cannot be a recording: wrong shape, time running backwards, rate too low."""


class FormatError(ImurunError, ValueError):
    """A file whose content could not be understood."""


class SettingsError(ImurunError, ValueError):
    """A setting, profile or runner description that makes no sense."""


class MethodError(ImurunError, ValueError):
    """A published rule that cannot be applied to a recording, or that returned invalid contacts."""


class SensorError(ImurunError):
    """A sensor that does not do what is requested, or a connection that fails."""


class AdapterError(SensorError):
    """Bluetooth cannot be used: no adapter, switched off, or not allowed."""


class SensorNotFoundError(SensorError):
    """A sensor that is not in range, or does not answer."""


class WrongSensorError(SensorError):
    """A device that is not of the kind it was taken for."""


class PageError(ImurunError):
    """The live page cannot be served."""


class StoreError(ImurunError):
    """The store of past sessions cannot be used as it is, or does not hold what was requested."""


class CohortError(ImurunError):
    """A cohort that cannot start or continue: its output folder, its manifest, its workers."""


class MissingExtraError(ImurunError):
    """An optional package is not installed; the message names the extra that brings it."""
