//! Bodies of the fuzz targets. Each takes any bytes and panics where a promise is broken.

mod framer;
mod link;
mod negotiation;
mod packed;
mod parcel;
mod session;
mod statement;

pub use framer::framer;
pub use link::link;
pub use negotiation::negotiation;
pub use packed::packed;
pub use parcel::parcel;
pub use session::session;
pub use statement::statement;
