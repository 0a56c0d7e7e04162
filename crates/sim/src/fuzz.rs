//! Bodies of the fuzz targets. Each takes any bytes and panics where a promise is broken.

mod framer;
mod link;
mod negotiation;
mod parcel;
mod session;

pub use framer::framer;
pub use link::link;
pub use negotiation::negotiation;
pub use parcel::parcel;
pub use session::session;
