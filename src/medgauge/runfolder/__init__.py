"""The run folder: its files and nothing else."""

from medgauge.runfolder.folder import COMPLETE, RunFolder, plain
from medgauge.runfolder.parts import write_whole

__all__ = ["COMPLETE", "RunFolder", "plain", "write_whole"]
