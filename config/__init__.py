"""The venue's configuration: `load` reads and checks a file; nothing of the running venue is in here."""

from config.errors import ConfigError, Problem
from config.loader import load
from config.schema import Config

__all__ = ["Config", "ConfigError", "Problem", "load"]
