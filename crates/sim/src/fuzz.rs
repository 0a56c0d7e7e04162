//! Bodies of the fuzz targets. Each takes any bytes and panics where a promise is broken.

mod framer;

pub use framer::framer;
