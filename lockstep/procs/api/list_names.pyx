"""The names that clients gave their lists of two orders, as events give them, by the list and by the name.

Most lists have none, and take no place here. A name may be given again: then it means the newest list.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from lockstep.core.tables.index cimport (
    fold, index_check, index_close, index_find, index_load, index_next, index_open, index_put, index_remove, index_save,
    keyed_tag, tag_of,
)
from lockstep.core.tables.pool cimport (
    NIL, pool_at, pool_check, pool_close, pool_give, pool_load, pool_open, pool_save, pool_take,
)
from lockstep.core.tables.saved cimport Loader, Saver

cdef enum:
    FIRST_NAMES = 1024

assert sizeof(ListName) == 56
assert CL_ORD_ID_SIZE == 36


cdef inline ListName *name_at(ListNames names, uint32_t item) noexcept nogil:
    return <ListName *> pool_at(&names.pool, item)


cdef inline uint32_t tag_of_name(const Index *index, uint32_t account, const char *name) noexcept nogil:
    """A hash keyed with the index's secrets: names are their clients' choice."""
    cdef uint64_t words[5]
    words[4] = 0
    memcpy(words, name, CL_ORD_ID_SIZE)
    return <uint32_t> (fold(
        fold(words[0] ^ index.secrets[0], words[1] ^ index.secrets[1]) ^ words[4] ^ <uint64_t> account << 32,
        fold(words[2] ^ index.secrets[2], words[3] ^ index.secrets[3]) ^ index.secrets[4],
    ) >> 32)


cdef uint32_t tag_of_item(const Index *index, const char *item) noexcept nogil:
    return tag_of_name(index, (<const ListName *> item).account, (<const ListName *> item).name)


cdef class ListNames:
    """The names of the lists that are known here, each until both of its orders are forgotten."""

    def __cinit__(self):
        pool_open(&self.pool, sizeof(ListName), FIRST_NAMES)
        index_open(&self.by_list)
        index_open(&self.by_name)

    def __dealloc__(self):
        pool_close(&self.pool)
        index_close(&self.by_list)
        index_close(&self.by_name)

    cdef int note(self, uint64_t list_id, uint32_t account, const char *name) except -1 nogil:
        """A list of the account's, later than all before, has this name (36 bytes, zero-padded)."""
        cdef uint32_t item = pool_take(&self.pool)
        cdef uint32_t tag = tag_of_name(&self.by_name, account, name)
        cdef uint32_t before = self.newest(account, name)
        cdef ListName *line = name_at(self, item)
        if before != NIL:
            index_remove(&self.by_name, tag, before)
            name_at(self, before).is_newest = False
        line.list_id = list_id
        line.account = account
        line.is_newest = True
        line.orders = 2
        memcpy(line.name, name, CL_ORD_ID_SIZE)
        index_put(&self.by_name, tag, item)
        return index_put(&self.by_list, tag_of(&self.by_list, list_id, account), item)

    cdef int forget(self, uint64_t list_id, uint32_t account) except -1 nogil:
        """Forget an order of a list, and with the second one its name; a list without a name was never here."""
        cdef uint32_t tag = tag_of(&self.by_list, list_id, account)
        cdef uint32_t item = index_find(&self.by_list, &self.pool, tag, list_id, account)
        cdef ListName *line = name_at(self, item)
        if item == NIL:
            return 0
        line.orders -= 1
        if line.orders:
            return 0
        index_remove(&self.by_list, tag, item)
        if line.is_newest:
            index_remove(&self.by_name, tag_of_name(&self.by_name, account, line.name), item)
        pool_give(&self.pool, item)
        return 0

    cdef uint32_t newest(self, uint32_t account, const char *name) noexcept nogil:
        """The account's newest list of this name; NIL if there is none."""
        cdef uint32_t tag = tag_of_name(&self.by_name, account, name)
        cdef uint32_t place = tag
        cdef uint32_t item = index_next(&self.by_name, tag, &place)
        while item != NIL and not (
            name_at(self, item).account == account and memcmp(name_at(self, item).name, name, CL_ORD_ID_SIZE) == 0
        ):
            item = index_next(&self.by_name, tag, &place)
        return item

    def name_of(self, uint32_t account, uint64_t list_id) -> bytes:
        """The name that its client gave a list; empty if it gave none, or the list is not known here."""
        cdef uint32_t tag = tag_of(&self.by_list, list_id, account)
        cdef uint32_t item = index_find(&self.by_list, &self.pool, tag, list_id, account)
        return b"" if item == NIL else (<bytes> name_at(self, item).name[:CL_ORD_ID_SIZE]).rstrip(b"\0")

    def find(self, uint32_t account, bytes name not None) -> int:
        """The number of the account's newest list of this name; 0 if none is known here."""
        cdef char padded[CL_ORD_ID_SIZE]
        cdef uint32_t item
        if not 0 < len(name) <= CL_ORD_ID_SIZE:
            return 0
        memset(padded, 0, CL_ORD_ID_SIZE)
        memcpy(padded, <const char *> name, len(name))
        item = self.newest(account, padded)
        return 0 if item == NIL else name_at(self, item).list_id

    def save(self, Saver saver not None) -> None:
        """Add all names to a part."""
        pool_save(&self.pool, saver)
        index_save(&self.by_list, saver)
        index_save(&self.by_name, saver)

    def load(self, Loader loader not None) -> None:
        """Load what was saved. DamagedPart, MemoryError."""
        pool_load(&self.pool, loader)
        index_load(&self.by_list, loader)
        index_load(&self.by_name, loader)

    def __len__(self) -> int:
        return self.pool.live

    def check(self) -> None:
        """Assert that both indexes have the pool's names, the one by names the newest of each."""
        cdef uint64_t lists, names
        pool_check(&self.pool)
        lists = index_check(&self.by_list, &self.pool, keyed_tag)
        names = index_check(&self.by_name, &self.pool, tag_of_item)
        assert names <= lists == self.pool.live, f"{names} names and {lists} lists, of {self.pool.live}"

    # For tests: as events do.

    def put(self, uint64_t list_id, uint32_t account, bytes name not None) -> None:
        """`note`."""
        cdef bytes padded = name.ljust(CL_ORD_ID_SIZE, b"\0")
        self.note(list_id, account, padded)

    def take(self, uint64_t list_id, uint32_t account) -> None:
        """`forget`, of one of its orders."""
        self.forget(list_id, account)
