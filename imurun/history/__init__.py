"""History of a runner's sessions: the store on disk, and rules that flag unusual sessions."""

from imurun.history.fingerprint import fingerprint
from imurun.history.flags import Flag, context, find_flags
from imurun.history.store import Store, StoredSession
from imurun.history.tags import Tags
from imurun.history.thresholds import THRESHOLDS, Thresholds

__all__ = [
    "THRESHOLDS",
    "Flag",
    "Store",
    "StoredSession",
    "Tags",
    "Thresholds",
    "context",
    "find_flags",
    "fingerprint",
]
