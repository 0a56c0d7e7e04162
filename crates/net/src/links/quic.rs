//! RFC 9000: how QUIC is set for links: little memory, few bytes, nothing that outlives a connection.

use std::sync::Arc;
use std::time::Duration;

use base::limits::{LINK_HANDSHAKES_MAX, LINK_STREAM_WINDOW_BYTES, LINK_STREAMS_MAX, LINK_WINDOW_BYTES};
use mesh::link::Liveness;
use quinn::crypto::rustls::{NoInitialCipherSuite, QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, EndpointConfig, NoneTokenStore, ServerConfig, TransportConfig, ValidationTokenConfig, VarInt,
};
use quinn_proto::RandomConnectionIdGenerator;

use super::keys::TransportKey;

/// Bytes of our connection ids; each packet to us carries one. They only tell our own links apart, and are made
/// anew until one is free: a few thousand of four billion. Nobody who guesses one can do anything without the keys. What a
/// guess may draw is a stateless reset, so these are rationed ([`RESET_INTERVAL`]): collecting the reset tokens of a
/// thousandth of all ids takes 49 days, and by then the ids are others.
const CONNECTION_ID_BYTES: usize = 4;

/// See [`CONNECTION_ID_BYTES`].
const RESET_INTERVAL: Duration = Duration::from_secs(1);

/// A network of neighbours answers in some milliseconds. RFC 9002 section 6.2.2 would wait for a whole second before
/// the first packet of a dial is said again, and at 40 % loss that is what people would wait for.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Packets of a dial that are kept until it is accepted; we accept at once.
const EARLY_BYTES: u64 = 16_384;

/// What holds for links of either side, but for who asks first.
fn transport(ask_after: Duration) -> Arc<TransportConfig> {
    let Liveness { gone_after, .. } = Liveness::NORMAL;
    let bytes = |count: usize| VarInt::from_u32(count as u32); // Limits of some hundred kilobytes.
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(bytes(LINK_STREAMS_MAX))
        .max_idle_timeout(Some(gone_after.try_into().expect("some seconds are a varint")))
        .keep_alive_interval(Some(ask_after))
        .stream_receive_window(bytes(LINK_STREAM_WINDOW_BYTES))
        .receive_window(bytes(LINK_WINDOW_BYTES))
        .send_window(LINK_WINDOW_BYTES as u64)
        .datagram_receive_buffer_size(None)
        .initial_rtt(INITIAL_RTT)
        // Probing costs 7 kB for each link that is made, in a crowd on everybody's air; large things are rare.
        .mtu_discovery_config(None)
        // The spin bit shows the distance to whoever listens.
        .allow_spin(false);
    Arc::new(config)
}

/// For the whole socket.
pub(super) fn endpoint() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    config
        .cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID_BYTES)))
        .min_reset_interval(RESET_INTERVAL);
    config
}

/// For links that others dial.
pub(super) fn server(key: &TransportKey) -> Result<ServerConfig, LinksConfigError> {
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(key.server()?)?));
    // A token that outlives its connection would let a peer be recognised, and spare it the proof of its address.
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0);
    config
        .transport_config(transport(Liveness::NORMAL.ask_after + Liveness::NORMAL.dialled_waits))
        .validation_token_config(tokens)
        .max_incoming(LINK_HANDSHAKES_MAX)
        .incoming_buffer_size(EARLY_BYTES)
        .incoming_buffer_size_total(EARLY_BYTES * LINK_HANDSHAKES_MAX as u64);
    Ok(config)
}

/// For links that we dial.
pub(super) fn client(key: &TransportKey) -> Result<ClientConfig, LinksConfigError> {
    let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(key.client()?)?));
    config.transport_config(transport(Liveness::NORMAL.ask_after)).token_store(Arc::new(NoneTokenStore));
    Ok(config)
}

/// Why no configuration can be made; with the algorithms that are built in this does not happen.
#[derive(Debug, thiserror::Error)]
pub enum LinksConfigError {
    /// TLS.
    #[error("TLS for links cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// QUIC's first packets need AES-128-GCM.
    #[error("QUIC cannot be set up: {0}")]
    Quic(#[from] NoInitialCipherSuite),
}
