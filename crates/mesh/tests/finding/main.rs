//! Finding, as a value: what the kernel, the responders and the links say goes in, what comes out is compared.

mod attacks;
mod links;
mod names;
mod networks;
mod offers;
mod reasons;
mod world;
