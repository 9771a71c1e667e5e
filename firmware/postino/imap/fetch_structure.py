"""ENVELOPE, BODY and BODYSTRUCTURE of FETCH (RFC 3501 7.4.2): what is sent of a letter's header and parts."""

from ..mime import bodystructure, envelope


async def send_envelope(conn, letter):
    collector = await letter.collect(0, letter.size, envelope.NAMES)
    for piece in envelope.pieces(collector):
        await conn.write(piece)


async def send_structure(conn, letter, extended):
    """Sends BODYSTRUCTURE, or BODY if not `extended`: the same without the extension data."""
    table = await letter.parts()

    async def header_of(index):
        return await letter.collect(table.start(index), table.body(index), bodystructure.NAMES)

    await bodystructure.emit(table, header_of, conn.write, extended, letter.rev2)
