"""The password of every account of the tests."""

from argon2 import PasswordHasher

PASSWORD = "demo"

# Of PASSWORD, at the least cost that argon2id has: these tests are not about its strength.
CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
