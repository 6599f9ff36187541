"""Atomic replacement of files, and paths of every type."""

import errno
import os
import secrets
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path


def as_path(path):
    """A path from str, bytes or path-like."""
    return Path(os.fsdecode(path))


def replace_file(path, content):
    """Write bytes beside a file, then put them in its place.

    A symbolic link stays one, and the file that it points to is replaced. A file keeps its
    permissions and, where the system allows that, its owner.
    """
    target = replaceable(path)
    temporary = target.with_name(f".skfastgrnn-{secrets.token_hex(8)}.part")
    try:
        with making_files_in(target.parent, f"replacing {target.name}"):
            file = open(temporary, "xb")  # noqa: SIM115
        with about(path), file:
            take_over_permissions(temporary, target)  # before there is anything to read
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with about(path):
            os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def check_replaceable(path):
    """Raise the error of `replace_file` before there is anything to lose."""
    target = replaceable(path)
    check_folder(target.parent, f"replacing {target.name}")


def check_writable(path):
    """Raise the error of writing into a file, which may exist, before there is anything to lose."""
    target = target_of(path)
    if not target.exists():
        check_folder(target.parent, f"making {target.name}")


def check_folder(folder, purpose):
    """Refuse a folder in which no file can be made."""
    with making_files_in(folder, purpose), tempfile.TemporaryFile(dir=folder):
        pass


def replaceable(path):
    """The target file of a path, which may not exist yet; devices and pipes are refused."""
    target = target_of(path)
    if target.exists() and not target.is_file():
        raise OSError(f"{path} is a device or a pipe, not a file, and is not replaced by one.")
    return target


def target_of(path):
    """The target of a path, following symbolic links, if it is writable."""
    path = as_path(path)
    with about(path):
        target = Path(os.path.realpath(path))
        try:
            mode = os.stat(target).st_mode  # refuses names that are too long
        except (FileNotFoundError, NotADirectoryError):
            mode = None
    if mode is None:
        if not target.parent.is_dir():
            raise FileNotFoundError(f"There is no folder {target.parent} to write {path.name} to.")
        return target
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(f"{path} is a folder; give it the name of a file.")
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(
            errno.EACCES, f"{os.strerror(errno.EACCES)}: the file is write-protected", str(path)
        )
    return target


def take_over_permissions(new, old):
    """Give a new file the owner and permissions of the one that it replaces, if there is one."""
    try:
        status = os.stat(old)
    except FileNotFoundError:
        return
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root may give a file away
            os.chown(new, status.st_uid, status.st_gid)
    os.chmod(new, stat.S_IMODE(status.st_mode))


@contextmanager
def about(path):
    """Make system errors name this path instead of a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


@contextmanager
def making_files_in(folder, purpose):
    """Make system errors say that the folder is not writable, and for what it is needed."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        reason = f"{os.strerror(error.errno)}: cannot make a file in the folder"
        raise OSError(error.errno, f"{reason}, which {purpose} takes", str(folder)) from error
