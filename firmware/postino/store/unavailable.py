"""What stands in for the store when it cannot be opened: every operation is refused for now, nothing is written."""

from postino.store.errors import StoreUnavailable


class UnavailableStore:
    def __init__(self, message: str):
        self._message = message

    def capacity_bytes(self) -> int:
        return 0

    def free_bytes(self) -> int:
        return 0

    def maintain(self) -> bool:
        """Nothing to do."""
        return False

    close = maintain

    def _refuse(self, *arguments):
        raise StoreUnavailable(self._message)

    new_letter = open_letter = deliver = append = _refuse
    ensure_user = remove_user = mailboxes = nonexistent = find = _refuse
    create = delete = rename = subscribe = status = open_mailbox = set_retention = _refuse
    has_room_for = used_bytes = check = _refuse
