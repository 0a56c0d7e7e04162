//! Every limit by name, with the reason for its number. Units stand last in the name.
//!
//! A limit is checked before the memory it protects is taken, and has a test that reaches it.

use std::time::Duration;

/// A part of an address: RFC 7622 section 3.1.
pub const JID_PART_BYTES_MAX: usize = 1023;

/// What may arrive of one stanza (or one negotiation element) before authentication. SCRAM and a stream header need
/// under 1 kB; strangers hold no more than this (attack case A06).
pub const UNAUTHENTICATED_STANZA_BYTES_MAX: usize = 10_000;

/// One stanza of an authenticated client. RFC 6120 section 13.12 demands at least 10,000; an avatar in a vCard reaches
/// 200 kB; Prosody has 256 KiB for clients.
pub const STANZA_BYTES_MAX: usize = 262_144;

/// One stanza of a server. What a client may send must still pass when it is stamped, escaped anew and added to, or one
/// client could end the stream that its server shares with all others.
pub const SERVER_STANZA_BYTES_MAX: usize = 524_288;

/// One stanza that comes out of a packed frame (attack case G02: some bytes that would expand without end). As from a server.
pub const PACKED_STANZA_BYTES_MAX: usize = SERVER_STANZA_BYTES_MAX;
/// The frame itself. It is hardly ever longer than its stanza: a run of six letters takes seven bytes at worst.
pub const PACKED_FRAME_BYTES_MAX: usize = 2 * PACKED_STANZA_BYTES_MAX;

/// Elements inside each other in one stanza. The deepest real one (a forwarded, encrypted message in a pubsub event in
/// an archive result) reaches 15; recursion below this cannot exhaust a stack.
pub const ELEMENT_DEPTH_MAX: usize = 64;

/// Elements in one stanza (attack case A07). A roster of 1,000 contacts in three groups each has 4,000.
pub const STANZA_ELEMENTS_MAX: usize = 10_000;

/// Elements that servers on the way may have added to a client's stanza: stanza-id, delay and their like.
pub const STANZA_ADDED_ELEMENTS_MAX: usize = 64;

/// Attributes of one element (attack case A04). A data form's field has at most a dozen.
pub const ELEMENT_ATTRIBUTES_MAX: usize = 32;

/// Attributes of a stanza that are not XMPP's own: with `from`, `to`, `id`, `type` and `xml:lang` it is never beyond
/// [`ELEMENT_ATTRIBUTES_MAX`].
pub const STANZA_FOREIGN_ATTRIBUTES_MAX: usize = ELEMENT_ATTRIBUTES_MAX - 5;

/// Prefixes that a stanza declares or borrows from its stream, and that are in force at once (attack case A05).
pub const ELEMENT_NAMESPACES_MAX: usize = 16;

/// Bytes of an element's or attribute's name, prefix included.
pub const NAME_BYTES_MAX: usize = 256;

/// Bytes of one attribute's value, as written. The longest in use are SASL2 and Jingle fingerprints, and addresses
/// with three parts of 1,023 bytes escaped.
pub const ATTRIBUTE_BYTES_MAX: usize = 16_384;

/// Bytes of a namespace name.
pub const NAMESPACE_BYTES_MAX: usize = 1024;

/// Bytes of a stanza's id: ours are under 40; a long one would be carried into every answer (attack case A26).
pub const STANZA_ID_BYTES_MAX: usize = 1024;

/// Connections without a session at once: a school that comes back after a power cut logs in within seconds, and each
/// holds at most 10 kB and a TLS handshake. Beyond, the oldest of them makes room (attack cases A06, A20).
pub const UNAUTHENTICATED_CONNECTIONS_MAX: usize = 2000;

/// Bytes that wait for the store's writer before clients are read no more: a second's worth of a slow disk.
pub const STORE_QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Control connections answered at once; others wait.
pub const CONTROL_CONNECTIONS_MAX: usize = 16;

/// From the first byte to authentication (attack case A21), however many bytes arrive between.
pub const AUTHENTICATION_TIME_MAX: Duration = Duration::from_secs(60);

/// Failed SASL attempts on one stream: the first and the five retries that RFC 6120 section 6.4.5 recommends at most.
/// slixmpp 1.8 needs four before it finds a mechanism: it binds TLS 1.3 by `tls-unique`, which is not offered.
pub const AUTHENTICATION_FAILURES_MAX: u32 = 6;

/// Accounts that a stranger may ask for on one connection (XEP-0077): some names are taken, and none after one was made.
pub const REGISTRATIONS_MAX: u32 = 5;

/// Accounts that strangers may ask for in one minute, all together: a class of thirty registers, twice over, and who makes
/// accounts by machine takes little of the processor for passwords and fills the disk slowly.
pub const REGISTRATIONS_PER_MINUTE_MAX: u32 = 60;

/// Bytes of a client's TLS handshake. A ClientHello with post-quantum keys and an encrypted name has 3 kB; rustls alone
/// would hold 64 kB of a stranger's (attack case A06).
pub const TLS_HANDSHAKE_BYTES_MAX: usize = 16_384;

/// Bytes of a password. Longer than any phrase a person types, and with a name it fits many times into what may arrive
/// before authentication.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Bytes of a line to the daemon: a word and an address.
pub const CONTACT_LINE_BYTES_MAX: usize = 4096;
/// Lines of one account that the daemon answers in a minute: nobody reads faster, and a machine that talks to it writes no
/// more than this into the account's history.
pub const CONTACT_LINES_MAX: u32 = 20;
/// Lines in a row that the daemon says it does not understand: then it is a machine that does not understand either.
pub const CONTACT_PUZZLES_MAX: u32 = 3;

/// Dialogs of ad-hoc commands (XEP-0050) that one account has begun and not ended, and for how long each is remembered.
pub const DIALOGS_MAX: usize = 8;
/// See [`DIALOGS_MAX`].
pub const DIALOG_TIME_MAX: Duration = Duration::from_secs(600);

/// Sessions of one account: phones, laptops and forgotten ones of a whole family.
pub const ACCOUNT_SESSIONS_MAX: usize = 32;

/// Accounts kept in memory although nobody is logged in to them: a few hundred bytes each, and the next message to one
/// of them needs no read.
pub const ACCOUNTS_IDLE_MAX: usize = 1000;

/// Inputs that wait while one account is being loaded from the store, and their bytes.
pub const PARKED_INPUTS_MAX: usize = 1024;
/// See [`PARKED_INPUTS_MAX`].
pub const PARKED_BYTES_MAX: usize = 1_048_576;

/// Accounts that one shard reads at once because stanzas came for them: one person's burst to a thousand addresses keeps
/// the store's readers busy for some 50 ms, and logins queue behind it for no longer.
pub const ACCOUNTS_READ_MAX: usize = 1024;

/// Inputs that wait in all accounts of one shard together, and their bytes: what [`PARKED_INPUTS_MAX`] allows to sixteen
/// accounts, so that a thousand of them do not hold a gigabyte.
pub const SHARD_PARKED_INPUTS_MAX: usize = 16_384;
/// See [`SHARD_PARKED_INPUTS_MAX`].
pub const SHARD_PARKED_BYTES_MAX: usize = 16_777_216;

/// Bytes that wait for one client: held until a write is durable, sent and not acknowledged (XEP-0198), or not read. Who
/// asks for more than this without reading it is disconnected (attack case A22). It is what others may fill and, beside
/// that, the largest answers there are: a contact list and a picture.
pub const SESSION_OUTPUT_BYTES_MAX: usize = 4_194_304;
/// What others may cause of it. Beyond that they are told so, and nobody is disconnected for what somebody else says.
pub const SESSION_SHARE_BYTES_MAX: usize = 2_097_152;
/// While more than this waits for a client, messages for it that are on disk stay there and come when it has caught up.
/// With a page and one more message the share is not full.
pub const SESSION_FILED_BYTES_MAX: usize = 1_048_576;

/// One presence. It is kept for each session and told to each contact, so its size counts a thousand times; a status with
/// an avatar's hash and capabilities has under 2 kB.
pub const PRESENCE_BYTES_MAX: usize = 16_384;

/// Messages read from the store in one page: memory stays flat however many wait.
pub const PAGE_MESSAGES_MAX: u32 = 100;
/// Bytes of the messages in such a page; at least one message is. Half of [`SESSION_FILED_BYTES_MAX`]: the next page is
/// under way while a client still has something to read.
pub const PAGE_BYTES_MAX: usize = 524_288;

/// Addresses in an account's archiving preferences (XEP-0441): they are read with the account, whoever opens it.
pub const ARCHIVE_PREFERENCES_MAX: usize = 1000;

/// Messages kept for an account that nobody is logged in to. Then the sender is told `service-unavailable`
/// (RFC 6121 section 8.5.2.2.1 leaves the choice; attack case A27).
pub const PENDING_MESSAGES_MAX: u64 = 100_000;

/// Contacts of one account (attack case D23).
pub const ROSTER_ITEMS_MAX: usize = 10_000;
/// Bytes of all of them as they are stored: the list is one answer, which must fit beside everything else into
/// [`SESSION_OUTPUT_BYTES_MAX`]. A hundred for each of [`ROSTER_ITEMS_MAX`].
pub const ROSTER_BYTES_MAX: usize = 1_048_576;
/// Groups of one contact.
pub const ROSTER_GROUPS_MAX: usize = 32;
/// Bytes of a contact's name or of a group's.
pub const ROSTER_NAME_BYTES_MAX: usize = 1024;
/// Contacts that one account may wait for an answer of: many more than a person asks, few for who asks everybody
/// (attack cases A27 and D23).
pub const ROSTER_ASKS_MAX: usize = 500;

/// Subscription requests that wait for one account; those beyond are dropped, and may be made again (attack case A27).
/// One from each address.
pub const REQUESTS_MAX: usize = 256;
/// Bytes in a subscription request: a greeting, a nickname, a proof. It is kept until it is answered.
pub const REQUEST_BYTES_MAX: usize = 4096;

/// Addresses that one session's directed presence went to, to be told when it leaves (RFC 6121 section 4.6.3): one for
/// each room it is in.
pub const DIRECTED_PRESENCE_MAX: usize = 1024;

/// One request on a control socket: a name, a password and their frame (attack case E10).
pub const CONTROL_LINE_BYTES_MAX: usize = 8192;

/// Bytes of a file in which an account goes to another laptop: about 2000 are filled, and with 22 words it fits into one
/// request on a control socket.
pub const SHARE_FILE_BYTES_MAX: usize = 6144;

/// Connections to the metrics port at once: one collector, and who looks by hand. Others wait.
pub const METRICS_CONNECTIONS_MAX: usize = 4;
/// Bytes of a request there. Prometheus sends under 400.
pub const METRICS_REQUEST_BYTES_MAX: usize = 8192;
/// From accepting a connection there to its end: a collector on the same computer needs milliseconds, and who sends a
/// byte at a time takes no place for long.
pub const METRICS_TIME_MAX: Duration = Duration::from_secs(5);

/// Addresses that one account blocks: by hand a person blocks some dozens, and the list stays in memory with the account.
pub const BLOCKED_MAX: usize = 1000;
/// Bytes of these addresses; the list is one answer.
pub const BLOCKED_BYTES_MAX: usize = 65_536;

/// Bytes of a vCard: a photo of 140 kB in base64 beside the rest.
pub const VCARD_BYTES_MAX: usize = 196_608;

/// Different things in one account's private XML storage: bookmarks, notes, the settings of some clients.
pub const PRIVATE_ITEMS_MAX: usize = 256;
/// Bytes of all of them; they are read together.
pub const PRIVATE_BYTES_MAX: usize = 1_048_576;

/// Bytes of the last status that is kept for who asks for last activity; a longer one is not kept.
pub const LAST_STATUS_BYTES_MAX: usize = 1024;

/// Requests of one session that wait for the store: at a login some clients ask for the picture of each contact at once.
pub const QUESTIONS_MAX: usize = 1000;
/// Bytes in them. Most have none.
pub const QUESTIONS_BYTES_MAX: usize = 1_048_576;

/// Stanzas that wait for a client which is inactive (XEP-0352): one for each resource of many contacts.
pub const INACTIVE_STANZAS_MAX: usize = 500;
/// Bytes of them. When one of both is reached, all are sent.
pub const INACTIVE_BYTES_MAX: usize = 131_072;

/// After so long without a word a client is asked whether it is there. Longer than clients ask by themselves, and short
/// enough that the routers between keep the connection in mind.
pub const CLIENT_SILENCE_MAX: Duration = Duration::from_secs(600);
/// Who does not answer in this time has lost the connection: a radio that sleeps needs some seconds, a bad link a minute.
pub const CLIENT_ANSWER_TIME_MAX: Duration = Duration::from_secs(120);
/// So long a client may hold more than [`SESSION_FILED_BYTES_MAX`] of ours without acknowledging a stanza, or leave its
/// socket full without reading a byte (attack case A22). As long as it may be silent: the slowest radio moves something
/// in that time, and what it has not confirmed waits in the store for the next time.
pub const CLIENT_BEHIND_TIME_MAX: Duration = Duration::from_secs(600);
/// How often the clients are looked at, all together: what an idle server wakes up for.
pub const CLIENT_LOOK_TIME: Duration = Duration::from_secs(120);

/// Batches in one transaction of the store. Sharing a sync of the disk pays no more beyond some hundreds; a larger one
/// only lets the first of them wait longer for its acknowledgement.
pub const COMMIT_BATCHES_MAX: usize = 1024;

/// Bytes of a protocol's id on links: a domain of its own, a name and a version.
pub const PROTOCOL_ID_BYTES_MAX: usize = 64;
/// Bytes of one frame on a link: the largest stanza that passes between servers, with what the post says of it.
pub const LINK_FRAME_BYTES_MAX: usize = SERVER_STANZA_BYTES_MAX + 4096;
/// Streams that a peer may have open on one link (attack case F08): one for each protocol; we have two, and rooms, files and
/// foreign modules will have theirs.
pub const LINK_STREAMS_MAX: usize = 16;
/// Streams that a link may have refused before it is closed: a peer asks once for what we do not speak.
pub const LINK_REFUSALS_MAX: usize = 64;
/// Bytes that a peer may send on one stream before we have read them. At the 10 ms of a busy radio that is 25 MB/s.
pub const LINK_STREAM_WINDOW_BYTES: usize = 262_144;
/// The same for all streams of a link; as much of what we send waits for the peer to have got it.
pub const LINK_WINDOW_BYTES: usize = 524_288;
/// Bytes that wait for one link beyond its window. Whoever fills it has stopped reading: the link is closed, and the post
/// says again what was lost. Three of the largest frames.
pub const LINK_QUEUE_BYTES_MAX: usize = 2_097_152;
/// Bytes of frames that wait for one module. Beyond, its streams are not read until it has caught up.
pub const LINK_INBOX_BYTES_MAX: usize = 1_048_576;
/// Links at once (attack case F08): a school's hub has one with each laptop of some classes, at 40 kB each.
pub const LINKS_MAX: usize = 512;
/// Links and handshakes with one address (attack case F08). Several daemons may run on one machine, and what crashes and
/// comes back leaves its old link behind for some seconds.
pub const LINKS_PER_ADDRESS_MAX: usize = 16;
/// Handshakes of peers that dialled us, at once: each is a millisecond of work and some kilobytes.
pub const LINK_HANDSHAKES_MAX: usize = 64;
/// From the first packet to a link. At 40 % loss, 55 of 60 handshakes were done in this time.
pub const LINK_HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(8);

/// After so long without a word of the peer it is asked whether it is there. Nobody pays for it while something is said.
/// Shorter than [`LINK_SILENCE_MAX`], or QUIC would give the link up before it asks.
pub const LINK_ASK_TIME: Duration = Duration::from_secs(9);
/// Who does not answer in this time is gone. QUIC asks again at growing distances, some eight times on a quiet network:
/// five packets lost of a hundred never look like that. With [`LINK_ASK_TIME`] under the 30 s in which a cut must be seen.
pub const LINK_SILENCE_MAX: Duration = Duration::from_secs(10);

/// Peers that finding may name at once: two of the largest schools.
pub const CANDIDATES_MAX: usize = 1024;
/// Addresses that are kept of one of them: an IPv4 and some IPv6 ones on two interfaces.
pub const CANDIDATE_ADDRESSES_MAX: usize = 8;
/// Dials at once (attack case F06).
pub const DIALS_MAX: usize = 16;
/// Dials without success that may follow each other at once (attack case F06).
pub const DIAL_BURST_MAX: u32 = 32;
/// After such a burst: one in this time. 1,000 peers that do not answer are asked in eight minutes, by 5 kB a second.
pub const DIAL_INTERVAL: Duration = Duration::from_millis(500);
/// The first wait after a failed dial; each next one is twice as long.
pub const DIAL_WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait between two dials of one peer. When something is heard of it, it is dialled earlier.
pub const DIAL_WAIT_MAX: Duration = Duration::from_secs(300);
/// Lasting parcels that are on their way to one device without being confirmed: a wireless link's round trip and a slow
/// disk's commit at some thousand messages a second.
pub const POST_WINDOW_MAX: usize = 64;
/// Bytes of them; at least one is on its way.
pub const POST_WINDOW_BYTES_MAX: usize = 524_288;
/// Fleeting parcels that wait for the commit of a lasting one before them. Beyond, they are dropped.
pub const POST_FLEETING_MAX: usize = 256;
/// What is not confirmed in this time is said again: longer than a slow link with a full disk behind it takes.
pub const POST_SAY_AGAIN_TIME: Duration = Duration::from_secs(30);
/// The wait doubles up to this while nothing at all is confirmed.
pub const POST_SAY_AGAIN_TIME_MAX: Duration = Duration::from_secs(1800);
/// Gaps in the numbers that an account remembers of one device: each is a time in which another device of the account
/// was spoken to, until it has handed on its copies.
pub const POST_GAPS_MAX: usize = 32;
/// Contents that it remembers of them. A number alone tells duplicates; this is for who counts wrong.
pub const POST_HASHES_MAX: usize = 8;
/// Incarnations of one device that an account remembers: the post begins a new one with each start, and what is said in
/// an older one is said before.
pub const RECEIVED_INCARNATIONS_MAX: usize = 8;
/// And of all devices together: a hundred bytes each, for as many contacts as a person has. Strangers cannot fill a disk.
pub const RECEIVED_MAX: usize = 1024;

/// How long something waits for its addressee to come in reach. Then its author is told.
pub const OUTBOX_TIME_MAX: Duration = Duration::from_secs(28 * 24 * 3600);
/// What waits for others in one account's outbox: as [`PENDING_MESSAGES_MAX`], on the author's side.
pub const OUTBOX_MAX: u64 = PENDING_MESSAGES_MAX;
/// Bytes of a parcel: one stanza of a server, and its head.
pub const PARCEL_BYTES_MAX: usize = SERVER_STANZA_BYTES_MAX + 64;
/// Resources of one device that are remembered, each with a person here who sees it. Those beyond are not shown: who is
/// shown must be taken out of sight when the device leaves.
pub const REACH_RESOURCES_MAX: usize = 4096;
/// Other devices of one account: laptops of a person.
pub const SIBLINGS_MAX: usize = 16;
/// Requests of others' people whose answer is in the store, at once.
pub const PEER_QUESTIONS_MAX: usize = 64;

// What peers say of themselves (`mesh::identity`).

/// Bytes of one signed statement. A membership with the longest name and group has under 600.
pub const STATEMENT_BYTES_MAX: usize = 1024;
/// Values inside each other in a statement, and in what carries it; the deepest of ours has four.
pub const STATEMENT_DEPTH_MAX: usize = 8;
/// Bytes of the name in a membership: what stands before the @. Longer ones exist in XMPP, and nobody can say them.
pub const MEMBER_NAME_BYTES_MAX: usize = 256;
/// Bytes of a group's name in a membership: a class, a course.
pub const MEMBER_GROUP_BYTES_MAX: usize = 64;
/// Addresses in a location: two interfaces with IPv4, a stable and a temporary IPv6 address each, and one beyond a router.
pub const LOCATION_ADDRESSES_MAX: usize = 8;

/// How far two honest clocks may be apart: one set to local time as if it was UTC is up to 14 hours ahead, another one up
/// to 12 behind.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(26 * 3600);
/// How long an authority may bind itself: a school year and the holidays after it (thirteen months).
pub const MEMBERSHIP_TIME_MAX: Duration = Duration::from_secs(396 * 86_400);
/// How long a device speaks for a person without being confirmed: half a year, so that a lost laptop is forgotten.
pub const HOSTING_TIME_MAX: Duration = Duration::from_secs(184 * 86_400);
/// How long messages may be sealed to one key: what is sealed with it can be read by who steals it so long.
pub const SEALING_TIME_MAX: Duration = Duration::from_secs(28 * 86_400);
/// How long somebody is said to be somewhere.
pub const LOCATION_TIME_MAX: Duration = Duration::from_secs(86_400);

/// Bytes that are kept of strangers' statements: some 2,300 people, more than a school.
pub const DIRECTORY_STRANGERS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Statements that are kept of one address: its chain, eight devices with their keys and places, some vouches.
pub const ADDRESS_STATEMENTS_MAX: usize = 32;
/// Addresses whose keys are remembered for good: as many as contacts of one account.
pub const PINS_MAX: usize = ROSTER_ITEMS_MAX;

/// Devices that one link shows: all people of a family's or a school's computer.
pub const LINK_DEVICES_MAX: usize = 64;
/// One frame of an introduction: a chain with its keys and places has under 2 kB.
pub const INTRODUCTION_FRAME_BYTES_MAX: usize = 8192;
/// Bytes of introductions that a link brings within an hour: all devices there can be, twice, as they usually are. Each
/// kilobyte makes us check some five signatures.
pub const INTRODUCTION_HOUR_BYTES_MAX: usize = 262_144;
/// Vouches for one person that a link shows: one frame.
pub const VOUCHED_MAX: usize = 64;
/// Of these, the ones that are read: two are enough, and each makes us check a signature.
pub const VOUCHED_READ_MAX: usize = 8;
/// Vouches for one account that are kept: beyond what is shown, for those that end.
pub const VOUCHERS_MAX: usize = 256;
/// People who must vouch for somebody, so that they are more than a stranger: one may be wrong, or bribed.
pub const VOUCHERS_NEEDED: usize = 2;
/// How long a vouch holds that somebody keeps about themselves: it is renewed whenever the two meet, and cannot be taken
/// back before.
pub const GIVEN_VOUCH_TIME_MAX: Duration = Duration::from_secs(92 * 24 * 3600);
/// Failed proofs that a link survives. A peer of ours makes none.
pub const INTRODUCTION_FAILURES_MAX: u32 = 3;
/// Networks that neighbours are looked for on at once: cable, radio and a few bridges. Each has a thread and two sockets.
pub const NETWORKS_MAX: usize = 8;

/// Announced neighbours that are remembered (attack case E06). A school's cell has 500; beyond that plain mDNS has long
/// drowned. With addresses each takes under 1 kB.
pub const NEIGHBOURS_MAX: usize = 1024;

/// Announced neighbours with one address in common: the daemons of one machine. Who makes up names by the thousand pushes
/// out its own only (attack case E06).
pub const NEIGHBOURS_PER_ADDRESS_MAX: usize = 8;

/// Addresses of one neighbour on all networks. An interface has an IPv4 address and some four of IPv6.
pub const NEIGHBOUR_ADDRESSES_MAX: usize = 8;

/// Bytes of a service instance's name: one DNS label (RFC 6763 section 4.1.1).
pub const INSTANCE_BYTES_MAX: usize = 63;

/// Neighbours that are dialled at once because they were announced, after a quiet time: a classroom and another.
pub const ANNOUNCED_ATTEMPTS_BURST_MAX: u32 = 64;
/// And every second after that (attack case E17): a cell of 500 has been tried after half a minute, and made-up names make
/// us send some 50 kB/s at most.
pub const ANNOUNCED_ATTEMPTS_PER_SECOND_MAX: u32 = 16;

/// Attempts at one address, whoever announced it, after a quiet time (attack case E08): as many as neighbours may share it.
pub const ADDRESS_ATTEMPTS_BURST_MAX: u32 = 8;
/// And one each so long after that: a third party that is announced as a neighbour gets a few packets a minute.
pub const ADDRESS_ATTEMPT_EVERY: Duration = Duration::from_secs(10);

/// Addresses whose attempts are remembered: a cell of 500 laptops with [`NEIGHBOUR_ADDRESSES_MAX`] each. When so many were
/// tried lately, no others are.
pub const ATTEMPTED_ADDRESSES_MAX: usize = 4096;

/// Addresses that people named: in the configuration, or one by one.
pub const MANUAL_ADDRESSES_MAX: usize = 64;

/// Times that a name of ours is given up in one day because somebody else claims it (attack case E05). Our names have 80
/// random bits: once is an attack already. After that this machine is not announced there, and finds the others.
pub const NAME_CONFLICTS_MAX: u32 = 3;

/// Instances that an mDNS responder may have heard of before it is started anew: it remembers every one, without a
/// limit, and for as long as its announcer likes (attack case E06).
pub const MDNS_INSTANCES_MAX: usize = 2048;
/// People of other programs on one network of whom a responder may know and still be asked who is there: it tells all at
/// once, in two events each, and whoever listens may be behind by a thousand.
pub const MDNS_TOLD_ANEW_MAX: usize = 400;

/// Records of any kind that an mDNS responder may hold before it is started anew: it keeps addresses and services that
/// belong to no instance, too, and for ever.
pub const MDNS_RECORDS_MAX: usize = 20_000;

/// Deadlines that an mDNS responder may hold, for it makes two of each record each time it hears it, and an announcer can
/// put them a century away. 500 neighbours heard twenty times make as many.
pub const MDNS_TIMERS_MAX: usize = 200_000;

/// Pairs of devices, one at either end, that send parcels over one link, one way: some people on each of two laptops. The
/// number of a pair has seven bits.
pub const LINK_PAIRS_MAX: usize = 128;
/// Bytes of parcels of devices that have not proved yet that they are there, on one link: they overtook the proof on another
/// stream. What does not fit is said again by the post.
pub const EARLY_PARCELS_BYTES_MAX: usize = 65_536;
/// Troubles with neighbours that are kept for who looks: more than a person reads.
pub const TROUBLES_MAX: usize = 32;

/// People of other programs on the same link (XEP-0174) that are remembered: more than fit on a screen ten times over. A
/// newcomer takes the place of one that has never been heard (attack case E06).
pub const NEARBY_MAX: usize = 256;
/// Those with one address in common: the programs of one machine. Who makes up names by the hundred fills these only.
pub const NEARBY_PER_ADDRESS_MAX: usize = 8;
/// Addresses of one of them on one network: IPv4, and some of IPv6.
pub const NEARBY_ADDRESSES_MAX: usize = 8;
/// Streams with them at once, whoever began them. Beyond, those that came last are closed.
pub const NEARBY_STREAMS_MAX: usize = 128;
/// The same with one address, those that it began: a conversation with each person on one machine.
pub const NEARBY_STREAMS_PER_ADDRESS_MAX: usize = 16;
/// Of all streams, those that others began: the rest are for words that our people begin to say.
pub const NEARBY_CALLERS_MAX: usize = 96;
/// Of those, callers who have not said who they are, or whom nobody has announced: whoever makes up addresses fills these
/// only.
pub const NEARBY_STRANGERS_MAX: usize = 48;
/// The same with one address. A program says who it is with its first packet.
pub const NEARBY_STRANGERS_PER_ADDRESS_MAX: usize = 4;
/// Sockets on which others have called, with those that are being closed: a few more than streams. Beyond, who calls is cut
/// off before anything is kept of them.
pub const NEARBY_SOCKETS_MAX: usize = 128;
/// From a connection to a stream header. The slowest radio needs a second.
pub const NEARBY_HEADER_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take: the first try and two more. Longer, and who is gone would be shown too long.
pub const NEARBY_CONNECT_TIME_MAX: Duration = Duration::from_secs(4);
/// How long a message waits for its stream. Then its author is told.
pub const NEARBY_WAIT_MAX: Duration = Duration::from_secs(60);
/// Messages that wait for the stream with one person.
pub const NEARBY_WAITING_MAX: usize = 64;
/// Bytes of all messages that wait for streams: sixteen of the longest.
pub const NEARBY_WAITING_BYTES_MAX: usize = 4_194_304;
/// Looks whether somebody is there that are under way at once: a few of the streams, the rest are for words.
pub const NEARBY_LOOKS_MAX: usize = 16;
/// Looks at one address after a quiet time, whoever is announced there (attack case E08): each who may share it, twice.
pub const NEARBY_LOOKS_BURST_MAX: u32 = 16;
/// And one each so long after that: more often than all who may share it are looked at.
pub const NEARBY_LOOK_EVERY: Duration = Duration::from_secs(5);
/// Their addresses whose paces are remembered: all that they can have. When so many were busy lately, no others are served.
pub const NEARBY_PACED_MAX: usize = NEARBY_MAX * NEARBY_ADDRESSES_MAX;
/// Messages and requests from one address on the link that are taken at once: a long text that was pasted line by line.
pub const NEARBY_WORDS_BURST_MAX: u32 = 100;
/// And one each so long after that. Nobody types faster for long; whoever does is hung up on.
pub const NEARBY_WORD_EVERY: Duration = Duration::from_secs(1);
/// Bytes of the id of a request that is answered: a hundred answers, unread, are a few dozen kB.
pub const NEARBY_REQUEST_ID_BYTES_MAX: usize = 64;
/// Bytes that wait for one of them to read them. Then the stream is closed, and what was written is told as lost.
pub const NEARBY_UNSENT_BYTES_MAX: usize = 1_048_576;
/// The same for all of them: a few who do not read. Beyond, whoever is written to is closed like that.
pub const NEARBY_ALL_UNSENT_BYTES_MAX: usize = 4_194_304;
/// Tries of one name that somebody else has, before this person is not announced any more (attack case E05).
pub const NEARBY_NAMES_MAX: u32 = 4;

// People in reach in an ordinary contact list.

/// People in reach that a contact list shows beside its contacts: what a person takes in at one look. The others are told
/// to who asks.
pub const IN_REACH_SHOWN_MAX: usize = 30;
/// People who have left and are still in the list, because they may be back in a moment. When more leave at once, the
/// first of them go.
pub const IN_REACH_LINGERING_MAX: usize = IN_REACH_SHOWN_MAX;
/// How long they are: a laptop that is carried to the next room, a link that is made again.
pub const IN_REACH_LINGER_TIME: Duration = Duration::from_secs(30);
/// How long a chat is open after its last word: a pause to fetch something, shorter than a lesson.
pub const CHAT_OPEN_TIME: Duration = Duration::from_secs(600);
/// People in reach who are told to somebody who asks for all of them: a school's cell is longer than anybody reads.
pub const IN_REACH_TOLD_MAX: usize = 200;
/// Characters of a neighbour's name in the list, so that what the daemon says behind it can be seen (attack case D18).
pub const NEIGHBOUR_NAME_CHARS_MAX: usize = 40;
/// People whom one account does not want in its list: each was removed by hand. The one that was hidden first makes room.
pub const HIDDEN_MAX: usize = 1000;
/// People that some client of an account may still show, remembered until its next login: a day in a crowd. Beyond, those who
/// are gone are forgotten: whoever is logged in was told.
pub const SHOWN_REMEMBERED_MAX: usize = 256;
/// Bytes of the addresses of those people, which are written together: 64 for each, most have less. Beyond, the longest are
/// forgotten; an address may have two thousand.
pub const SHOWN_REMEMBERED_BYTES_MAX: usize = 64 * SHOWN_REMEMBERED_MAX;
/// People whom a gateway finds for one account, as a cell has them (attack case E06).
pub const GATEWAY_NEIGHBOURS_MAX: usize = NEIGHBOURS_MAX;

/// One frame of a verification: two devices, a commitment and a number, and their lengths.
pub const VERIFICATION_FRAME_BYTES_MAX: usize = 256;
/// How long somebody who was asked may take to begin, and how long two people may take to compare three words.
pub const VERIFICATION_TIME_MAX: Duration = Duration::from_secs(120);
/// Tries of two people within an hour, whoever asks and by whatever link. Each gives who is between them one guess in
/// a thousand million.
pub const VERIFICATION_TRIES_MAX: usize = 3;
/// Of those within an hour, the ones that do not count because their link ended under them: a laptop that moves from one
/// network to another does that once or twice. Each may be a guess, too.
pub const VERIFICATION_BROKEN_MAX: usize = 3;
/// How long an attempt waits for another link when the last one is gone: a link is made anew, and proved, in less.
pub const VERIFICATION_GRACE: Duration = Duration::from_secs(5);
/// People with whom an account has tried within an hour: a school class, twice.
pub const VERIFICATION_TRIED_MAX: usize = 64;
/// Of these, those who were the ones that asked: identities cost nothing, and each question is a message to a person.
pub const VERIFICATION_ASKED_HOUR_MAX: usize = 32;
/// People who have asked an account and wait for it: more at once than anybody sits together with.
pub const VERIFICATION_ASKED_MAX: usize = 8;
/// Devices of a person that are asked at once; the one that they sit at answers.
pub const VERIFICATION_DEVICES_MAX: usize = 4;
/// Pairs of people of whom it is remembered what was told last, for who waits for it at a terminal: more than wait.
pub const COMPARED_MAX: usize = 128;
/// People for whom an account vouches: as many as contacts it may have.
pub const VOUCHES_MAX: usize = ROSTER_ITEMS_MAX;

/// Messages of a stranger on the same link until they are answered: a greeting, a question, an excuse (D9).
pub const NEAR_MESSAGES_MAX: u8 = 3;
/// Letters of such a message: what is shouted over a schoolyard.
pub const NEAR_CHARS_MAX: usize = 500;
/// Bytes of all that such a message may have: its letters, and the ids by which clients tell messages apart.
pub const NEAR_BYTES_MAX: usize = 4 * NEAR_CHARS_MAX + 1024;
/// Presences of a stranger that are passed on at once; beyond, one each second. Of their resources no more are shown at once.
pub const NEAR_PRESENCES_MAX: u32 = 8;
/// Contacts whom an account remembers to have heard while its contact list is not in memory.
pub const NEAR_CONTACTS_MAX: usize = 64;
/// Messages and requests of all strangers together that one account takes in an hour: a hundred made-up ones are no more than a class of
/// curious people (attack case E15).
pub const NEAR_HOUR_MAX: u32 = 40;
/// Strangers whose messages an account counts; the one who was heard longest ago makes room.
pub const STRANGERS_MAX: usize = 256;
/// People who are no contacts, and whom an account has written to: their answers come through. The one who was written to
/// longest ago makes room.
pub const ANSWERED_MAX: usize = 1024;
/// Requests of people whom the account does not let see it, kept apart until it looks.
pub const APART_MAX: usize = 32;
