"""Removes what an upgrade has left of format 1, also when power was lost before it had."""

from postino.store import files


def remove_remains(root: str):
    """Removes what is left of format 1 from a store that is format 2; `journal` goes last: it tells that there is."""
    present = files.names_in(root)
    for folder in ("letters", "mailboxes"):
        if folder in present:
            _remove_tree("%s/%s" % (root, folder))
    for name in ("journal.new", "catalogue.new", "catalogue", "journal"):
        if name in present:
            files.remove("%s/%s" % (root, name))


def _remove_tree(path: str):
    """A folder, and what is in it; folders in it hold files only."""
    for name in files.names_in(path):
        below = "%s/%s" % (path, name)
        if not _is_removed(below):
            _remove_folder(below)
    files.remove_directory(path)


def _is_removed(path: str) -> bool:
    """Removes a file or an empty folder; False if it is a folder with something in it."""
    try:
        files.remove(path)
        return True
    except OSError:
        return False


def _remove_folder(path: str):
    for name in files.names_in(path):
        files.remove("%s/%s" % (path, name))
    files.remove_directory(path)
