"""Which roles may give operators' commands, and which may see what is others'."""

from lockstep.core.schema.records import Role

OPERATORS = (Role.OPERATOR, Role.ADMIN)
READERS = (*OPERATORS, Role.AUDITOR)
