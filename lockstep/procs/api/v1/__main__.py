"""Print the description of /v1 (OpenAPI 3.1), for which no venue need run: `python -m lockstep.procs.api.v1`."""

import sys

from lockstep.procs.api.v1.app import description_alone

sys.stdout.buffer.write(description_alone())
