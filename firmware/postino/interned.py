"""The names of all modules, so that they are interned in the frozen code.

MicroPython interns the full name of each module that it imports, and the name of each that is taken from a package. It
does so in the heap and for good, unless the frozen code has that name: about 2.7 KB of the heap of a small board, by
`heap_free` after `postino sim --heap 112k` has started and one mailbox was opened, with and without this file.

Nothing imports this module; a test holds it to the files that there are.
"""

# pyright: reportMissingImports=false


def full_names():
    """Never called: what counts is that the names stand here."""
    import postino.app
    import postino.board
    import postino.board.esp32
    import postino.board.ethernet
    import postino.board.limits
    import postino.board.listening
    import postino.board.storage
    import postino.board.unix
    import postino.board.unix_flash
    import postino.console
    import postino.credentials
    import postino.dates
    import postino.imap
    import postino.imap.append
    import postino.imap.attributes
    import postino.imap.auth
    import postino.imap.basics
    import postino.imap.binary
    import postino.imap.capabilities
    import postino.imap.commands
    import postino.imap.condstore
    import postino.imap.copying
    import postino.imap.enabling
    import postino.imap.errors
    import postino.imap.expunge
    import postino.imap.fetch
    import postino.imap.fetch_extras
    import postino.imap.fetch_structure
    import postino.imap.flags
    import postino.imap.identity
    import postino.imap.idle
    import postino.imap.letter
    import postino.imap.letter_header
    import postino.imap.list_extended
    import postino.imap.listing
    import postino.imap.mailboxes
    import postino.imap.messages
    import postino.imap.names
    import postino.imap.patterns
    import postino.imap.qresync
    import postino.imap.quota
    import postino.imap.replace
    import postino.imap.search
    import postino.imap.search_body
    import postino.imap.search_extended
    import postino.imap.search_header
    import postino.imap.search_keys
    import postino.imap.search_match
    import postino.imap.search_result
    import postino.imap.search_text
    import postino.imap.search_walk
    import postino.imap.sections
    import postino.imap.select
    import postino.imap.sequence
    import postino.imap.service
    import postino.imap.session
    import postino.imap.sets
    import postino.imap.sort
    import postino.imap.sort_keys
    import postino.imap.sort_letter
    import postino.imap.sort_order
    import postino.imap.status
    import postino.imap.storing
    import postino.imap.utf7
    import postino.imap.verbs
    import postino.imap.view
    import postino.imap.wire
    import postino.log
    import postino.mime
    import postino.mime.address
    import postino.mime.base_subject
    import postino.mime.blocks
    import postino.mime.bodystructure
    import postino.mime.casefold
    import postino.mime.charset_tables
    import postino.mime.charsets
    import postino.mime.collation
    import postino.mime.encoded_words
    import postino.mime.envelope
    import postino.mime.fields
    import postino.mime.header_search
    import postino.mime.html_text
    import postino.mime.incoming
    import postino.mime.letter_search
    import postino.mime.parameters
    import postino.mime.part_table
    import postino.mime.part_text
    import postino.mime.preview
    import postino.mime.quoting
    import postino.mime.structure
    import postino.mime.text_search
    import postino.mime.tokens
    import postino.mime.transfer
    import postino.mime.utf8
    import postino.mime.wide_charsets
    import postino.net
    import postino.net.buffers
    import postino.net.connection
    import postino.net.errors
    import postino.net.listener
    import postino.net.table
    import postino.net.waiting
    import postino.overlay
    import postino.pop3
    import postino.pop3.commands
    import postino.pop3.login
    import postino.pop3.maildrop
    import postino.pop3.service
    import postino.pop3.session
    import postino.pop3.transfer
    import postino.routing
    import postino.sasl
    import postino.server
    import postino.settings
    import postino.smtp
    import postino.smtp.auth
    import postino.smtp.data
    import postino.smtp.dot_reader
    import postino.smtp.paths
    import postino.smtp.replies
    import postino.smtp.service
    import postino.smtp.session
    import postino.smtp.trace
    import postino.smtp.transaction
    import postino.store
    import postino.store.appending
    import postino.store.catalogue
    import postino.store.cold
    import postino.store.contents
    import postino.store.counting
    import postino.store.counts
    import postino.store.delivery
    import postino.store.errors
    import postino.store.files
    import postino.store.flags
    import postino.store.fold
    import postino.store.folders
    import postino.store.format1
    import postino.store.format1_mailbox
    import postino.store.index_space
    import postino.store.keeper
    import postino.store.letter_reader
    import postino.store.letters
    import postino.store.loading
    import postino.store.log
    import postino.store.log_device
    import postino.store.log_reader
    import postino.store.log_scan
    import postino.store.mailbox
    import postino.store.numbers
    import postino.store.object_ids
    import postino.store.pages
    import postino.store.records
    import postino.store.recovery
    import postino.store.remains
    import postino.store.repair
    import postino.store.retention
    import postino.store.rows
    import postino.store.slots
    import postino.store.snapshot
    import postino.store.space
    import postino.store.state
    import postino.store.store
    import postino.store.table
    import postino.store.trailer
    import postino.store.transfer
    import postino.store.transient
    import postino.store.unavailable
    import postino.store.upgrade
    import postino.store.upgrade_letters
    import postino.store.upgrade_sinks
    import postino.users

    return postino


def last_names(package):
    """The same, of what packages are asked for."""
    return (
        package.address,
        package.app,
        package.append,
        package.appending,
        package.attributes,
        package.auth,
        package.base_subject,
        package.basics,
        package.binary,
        package.blocks,
        package.board,
        package.bodystructure,
        package.buffers,
        package.capabilities,
        package.casefold,
        package.catalogue,
        package.charset_tables,
        package.charsets,
        package.cold,
        package.collation,
        package.commands,
        package.condstore,
        package.connection,
        package.console,
        package.contents,
        package.copying,
        package.counting,
        package.counts,
        package.credentials,
        package.data,
        package.dates,
        package.delivery,
        package.dot_reader,
        package.enabling,
        package.encoded_words,
        package.envelope,
        package.errors,
        package.esp32,
        package.ethernet,
        package.expunge,
        package.fetch,
        package.fetch_extras,
        package.fetch_structure,
        package.fields,
        package.files,
        package.flags,
        package.fold,
        package.folders,
        package.format1,
        package.format1_mailbox,
        package.header_search,
        package.html_text,
        package.identity,
        package.idle,
        package.imap,
        package.incoming,
        package.index_space,
        package.keeper,
        package.letter,
        package.letter_header,
        package.letter_reader,
        package.letter_search,
        package.letters,
        package.limits,
        package.list_extended,
        package.listener,
        package.listening,
        package.listing,
        package.loading,
        package.log,
        package.log_device,
        package.log_reader,
        package.log_scan,
        package.login,
        package.mailbox,
        package.mailboxes,
        package.maildrop,
        package.messages,
        package.mime,
        package.names,
        package.net,
        package.numbers,
        package.object_ids,
        package.overlay,
        package.pages,
        package.parameters,
        package.part_table,
        package.part_text,
        package.paths,
        package.patterns,
        package.pop3,
        package.preview,
        package.qresync,
        package.quota,
        package.quoting,
        package.records,
        package.recovery,
        package.remains,
        package.repair,
        package.replace,
        package.replies,
        package.retention,
        package.routing,
        package.rows,
        package.sasl,
        package.search,
        package.search_body,
        package.search_extended,
        package.search_header,
        package.search_keys,
        package.search_match,
        package.search_result,
        package.search_text,
        package.search_walk,
        package.sections,
        package.select,
        package.sequence,
        package.server,
        package.service,
        package.session,
        package.sets,
        package.settings,
        package.slots,
        package.smtp,
        package.snapshot,
        package.sort,
        package.sort_keys,
        package.sort_letter,
        package.sort_order,
        package.space,
        package.state,
        package.status,
        package.storage,
        package.store,
        package.storing,
        package.structure,
        package.table,
        package.text_search,
        package.tokens,
        package.trace,
        package.trailer,
        package.transaction,
        package.transfer,
        package.transient,
        package.unavailable,
        package.unix,
        package.unix_flash,
        package.upgrade,
        package.upgrade_letters,
        package.upgrade_sinks,
        package.users,
        package.utf7,
        package.utf8,
        package.verbs,
        package.view,
        package.waiting,
        package.wide_charsets,
        package.wire,
    )
