"""What the journal does to files, as one small interface: a folder of the file system, or a simulated one.

It knows names, bytes and errors; the journal knows what is in the files, and when to sync them.
"""

import fcntl
import os
from pathlib import Path

from libc.errno cimport EDQUOT, EINTR, EIO, ENOSPC, ENOSYS, errno as c_errno
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy
from posix.fcntl cimport O_CLOEXEC, O_CREAT, O_RDONLY, O_RDWR

cdef extern from "<fcntl.h>" nogil:
    int openat(int directory, const char *name, int flags, ...) noexcept
    int sync_file_range(int fd, int64_t begin, int64_t size, unsigned int flags) noexcept
    int posix_fadvise(int fd, int64_t begin, int64_t size, int advice) noexcept
    unsigned int SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE, SYNC_FILE_RANGE_WAIT_AFTER
    int POSIX_FADV_DONTNEED

cdef extern from "<stdio.h>" nogil:
    int renameat(int old_directory, const char *old_name, int new_directory, const char *new_name) noexcept

cdef extern from "<sys/file.h>" nogil:
    int flock(int fd, int operation) noexcept
    int LOCK_UN

cdef extern from "<unistd.h>" nogil:
    int posix_close "close"(int fd) noexcept
    int fdatasync(int fd) noexcept
    int fsync(int fd) noexcept
    int ftruncate(int fd, int64_t size) noexcept
    int64_t lseek(int fd, int64_t offset, int whence) noexcept
    Py_ssize_t pread(int fd, void *out, size_t size, int64_t offset) noexcept
    int unlinkat(int directory, const char *name, int flags) noexcept
    int SEEK_END

cdef extern from "<sys/uio.h>" nogil:
    Py_ssize_t pwritev(int fd, const iovec *spans, int count, int64_t offset) noexcept

cdef extern from "<sys/statvfs.h>" nogil:
    struct statvfs_t "statvfs":
        unsigned long f_bavail
        unsigned long f_frsize
    int fstatvfs(int fd, statvfs_t *out) noexcept


cdef class Disk:
    """One folder and the files in it.

    The C methods return what POSIX's functions of that name return, or a negative errno, and take no GIL. `threads`
    says that a second thread may use it at the same time; if false, a thread's work is done in turns instead.
    The Python methods are for opening, repair and other rare things; they raise OSError.
    """

    cdef int give_back(self) noexcept nogil:
        """Let the next writer in. May be called twice, and from a __dealloc__, where no Python method may be left."""
        return -ENOSYS

    cdef int open(self, const char *name, Access access) noexcept nogil:
        """A handle; -ENOENT if there is no such file and none is to be created."""
        return -ENOSYS

    cdef int close_file(self, int handle) noexcept nogil:
        return -ENOSYS

    cdef int64_t read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept nogil:
        """How many bytes were read: fewer than `size` only at the end of the file."""
        return -ENOSYS

    cdef int64_t write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept nogil:
        """How many bytes the kernel took (the disk not yet); fewer than asked if there is no more room."""
        return -ENOSYS

    cdef int flow(self, int handle, uint64_t offset, uint64_t size) noexcept nogil:
        """Write these bytes to the disk and wait for it: this keeps a later sync short, and makes nothing safe."""
        return 0

    cdef int sync(self, int handle) noexcept nogil:
        """Make the file's content and size safe. After an error its state is unknown, and a retry does not help."""
        return -ENOSYS

    cdef int forget(self, int handle) noexcept nogil:
        """Drop what memory holds of a synced file, so that reading it shows what the disk has (a hint: as it can)."""
        return 0

    cdef int truncate(self, int handle, uint64_t size) noexcept nogil:
        return -ENOSYS

    cdef int64_t size(self, int handle) noexcept nogil:
        return -ENOSYS

    cdef int rename(self, const char *old, const char *new) noexcept nogil:
        """Give a file another name, in place of whatever had that one. `sync_directory` makes it safe."""
        return -ENOSYS

    cdef int remove(self, const char *name) noexcept nogil:
        return -ENOSYS

    cdef int sync_directory(self) noexcept nogil:
        """Make the folder's names safe, and which files they mean."""
        return -ENOSYS

    cdef int64_t free_bytes(self) noexcept nogil:
        """How much can be written to new files."""
        return -ENOSYS

    cdef object error(self, int64_t code, str what):
        """The exception for a negative errno that a method returned."""
        return OSError(-code, f"{what}: {os.strerror(-code)}", str(self.directory))

    @staticmethod
    def of(where: Path | Disk) -> Disk:
        """`where` itself if it is a disk, else the folder of that path."""
        return where if isinstance(where, Disk) else FolderDisk(where)

    def create(self) -> None:
        """Make the folder if it is missing, safely, and open it. May be called again."""
        raise NotImplementedError

    def lock(self) -> bool:
        """Hold the folder against other writers until `unlock` or death; False: another one holds it."""
        raise NotImplementedError

    def unlock(self) -> None:
        """Let the next writer in. May be called twice."""
        self.taken(self.give_back(), "lock")

    def names(self) -> list[str]:
        """All files in the folder, in no order."""
        raise NotImplementedError

    def load(self, name: str, offset: int = 0, size: int | None = None) -> bytes:
        """The bytes of a file from `offset` on: `size` of them, or as many as there are."""
        cdef int handle = self.taken(self.open(name.encode(), READ), name)
        cdef bytearray data
        cdef int64_t length, got
        try:
            length = max(0, self.taken(self.size(handle), name) - offset)
            data = bytearray(length if size is None else min(size, length))
            got = self.taken(self.read(handle, data, len(data), offset), name)
        finally:
            self.close_file(handle)
        return bytes(data[:got])

    def save(self, name: str, data: bytes) -> None:
        """Write a new file, or rewrite an old one, and sync it; `settle_directory` makes its name safe."""
        cdef int handle = self.taken(self.open(name.encode(), CREATE), name)
        cdef iovec span = iovec(<char *> data, len(data))
        try:
            self.taken(self.truncate(handle, 0), name)
            if self.taken(self.write(handle, &span, 1, 0), name) != len(data):
                raise self.error(-ENOSPC, f"can't write {name}")
            self.taken(self.sync(handle), name)
        finally:
            self.close_file(handle)

    def settle(self, name: str, *, forget: bool = False) -> None:
        """Sync a file's content, and drop what memory holds of it where it is to be read from the disk itself."""
        cdef int handle = self.taken(self.open(name.encode(), READ), name)
        try:
            self.taken(self.sync(handle), name)
            if forget:
                self.taken(self.forget(handle), name)
        finally:
            self.close_file(handle)

    def move(self, old: str, new: str) -> None:
        """Rename a file, in place of whatever had the new name."""
        self.taken(self.rename(old.encode(), new.encode()), old)

    def delete(self, name: str) -> None:
        """Remove a file."""
        self.taken(self.remove(name.encode()), name)

    def settle_directory(self) -> None:
        """Sync the folder: names that were given and taken are safe."""
        self.taken(self.sync_directory(), "the folder")

    def taken(self, code: int, name: str) -> int:
        """A method's answer; raises if it is an error."""
        if code < 0:
            raise self.error(code, f"can't use {name}")
        return code


cdef inline int failure() noexcept nogil:
    """The last call's errno, negative. A quota that is used up is a full disk: there may be room later."""
    return -ENOSPC if c_errno == EDQUOT else -c_errno


cdef class FolderDisk(Disk):
    """A folder of the file system."""

    def __cinit__(self) -> None:
        self.fd = -1

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.threads = True
        if self.directory.is_dir():
            self.attach()

    def __dealloc__(self) -> None:
        if self.fd >= 0:
            posix_close(self.fd)

    def attach(self) -> None:
        self.fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def create(self) -> None:
        if self.fd >= 0:
            return
        self.directory.mkdir(parents=True, mode=0o700, exist_ok=True)
        parent = os.open(self.directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
        self.attach()

    def lock(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def names(self) -> list[str]:
        return os.listdir(self.directory if self.fd < 0 else self.fd)

    cdef int give_back(self) noexcept nogil:
        return 0 if flock(self.fd, LOCK_UN) == 0 else failure()

    cdef int open(self, const char *name, Access access) noexcept nogil:
        cdef int flags = O_CLOEXEC
        if access == READ:
            flags |= O_RDONLY
        elif access == WRITE:
            flags |= O_RDWR
        else:
            flags |= O_RDWR | O_CREAT
        fd = openat(self.fd, name, flags, 0o600)
        return fd if fd >= 0 else failure()

    cdef int close_file(self, int handle) noexcept nogil:
        return 0 if posix_close(handle) == 0 else failure()

    cdef int64_t read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept nogil:
        cdef uint64_t done = 0
        while done < size:
            got = pread(handle, out + done, size - done, offset + done)
            if got == 0:
                break
            if got > 0:
                done += <uint64_t> got
            elif c_errno != EINTR:
                return failure()
        return done

    cdef int64_t write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept nogil:
        while True:
            done = pwritev(handle, spans, count, offset)
            if done >= 0:
                return done
            if c_errno != EINTR:
                return failure()

    cdef int flow(self, int handle, uint64_t offset, uint64_t size) noexcept nogil:
        cdef unsigned int whole = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER
        return 0 if sync_file_range(handle, offset, size, whole) == 0 else failure()

    cdef int sync(self, int handle) noexcept nogil:
        return 0 if fdatasync(handle) == 0 else failure()

    cdef int forget(self, int handle) noexcept nogil:
        return -posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED)

    cdef int truncate(self, int handle, uint64_t size) noexcept nogil:
        return 0 if ftruncate(handle, size) == 0 else failure()

    cdef int64_t size(self, int handle) noexcept nogil:
        end = lseek(handle, 0, SEEK_END)
        return end if end >= 0 else failure()

    cdef int rename(self, const char *old, const char *new) noexcept nogil:
        return 0 if renameat(self.fd, old, self.fd, new) == 0 else failure()

    cdef int remove(self, const char *name) noexcept nogil:
        return 0 if unlinkat(self.fd, name, 0) == 0 else failure()

    cdef int sync_directory(self) noexcept nogil:
        return 0 if fsync(self.fd) == 0 else failure()

    cdef int64_t free_bytes(self) noexcept nogil:
        cdef statvfs_t found
        if fstatvfs(self.fd, &found) != 0:
            return failure()
        return <int64_t> (found.f_bavail * found.f_frsize)


cdef class PlayedDisk(Disk):
    """A disk that a Python class simulates by overriding the `on_` methods. They raise OSError to refuse.

    Anything else that they raise is their own bug: it is kept, and raised with the next error report.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self.threads = False

    cdef int64_t play(self, str method, tuple arguments) noexcept:
        try:
            answer = getattr(self, method)(*arguments)
            return 0 if answer is None else <int64_t> answer
        except OSError as error:
            return -<int64_t> (error.errno or EIO)
        except BaseException as bug:
            self.raised = bug
            return -EIO

    cdef int64_t play_read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept:
        cdef int64_t got
        self.data = b""
        got = self.play("read_into", (handle, size, offset))
        memcpy(out, <const char *> self.data, len(self.data))
        return got

    def read_into(self, handle: int, size: int, offset: int) -> int:
        self.data = self.on_read(handle, size, offset)
        return len(self.data)

    cdef int64_t play_write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept:
        cdef int i
        parts = [(<const char *> spans[i].iov_base)[:spans[i].iov_len] for i in range(count)]
        return self.play("on_write", (handle, b"".join(parts), offset))

    cdef object error(self, int64_t code, str what):
        raised, self.raised = self.raised, None
        return Disk.error(self, code, what) if raised is None else raised

    def create(self) -> None:
        self.on_create()

    def lock(self) -> bool:
        return self.on_lock()

    def names(self) -> list[str]:
        return self.on_names()

    cdef int give_back(self) noexcept nogil:
        with gil:
            return <int> self.play("on_unlock", ())

    cdef int open(self, const char *name, Access access) noexcept nogil:
        with gil:
            return <int> self.play("on_open", (name.decode(), access == CREATE))

    cdef int close_file(self, int handle) noexcept nogil:
        with gil:
            return <int> self.play("on_close", (handle,))

    cdef int64_t read(self, int handle, char *out, uint64_t size, uint64_t offset) noexcept nogil:
        with gil:
            return self.play_read(handle, out, size, offset)

    cdef int64_t write(self, int handle, const iovec *spans, int count, uint64_t offset) noexcept nogil:
        with gil:
            return self.play_write(handle, spans, count, offset)

    cdef int sync(self, int handle) noexcept nogil:
        with gil:
            return <int> self.play("on_sync", (handle,))

    cdef int forget(self, int handle) noexcept nogil:
        with gil:
            return <int> self.play("on_forget", (handle,))

    cdef int truncate(self, int handle, uint64_t size) noexcept nogil:
        with gil:
            return <int> self.play("on_truncate", (handle, size))

    cdef int64_t size(self, int handle) noexcept nogil:
        with gil:
            return self.play("on_size", (handle,))

    cdef int rename(self, const char *old, const char *new) noexcept nogil:
        with gil:
            return <int> self.play("on_rename", (old.decode(), new.decode()))

    cdef int remove(self, const char *name) noexcept nogil:
        with gil:
            return <int> self.play("on_remove", (name.decode(),))

    cdef int sync_directory(self) noexcept nogil:
        with gil:
            return <int> self.play("on_sync_directory", ())

    cdef int64_t free_bytes(self) noexcept nogil:
        with gil:
            return self.play("on_free_bytes", ())
